# SPDX-License-Identifier: GPL-2.0-or-later
"""Events in the middle of others: what the judge may ask there."""

from dataclasses import replace

from model.events import Inside, SetMask, Step
from model.profiles import QEMU_PSERIES, simple_lpar
from model.run import Run
from model.types import GIB, BusAddress, DmaMask

ALL = DmaMask((1 << 64) - 1)


def test_a_window_that_opened_while_another_pe_waited_is_judged_once_its_driver_has_the_answer() -> None:
    """The second probe goes on where the first gives the mutex back, before the first driver's mask is set.

    A window below 4 GiB is within the mask of 32 bits that the first device still has there.
    """
    low = replace(QEMU_PSERIES, dma64=BusAddress(2 * GIB), mmio32=None)
    run = Run(low, simple_lpar(GIB, devices=2))
    run.step(Step(SetMask(0, ALL), inside=(Inside(0, Step(SetMask(1, ALL))),)))
    assert [type(done.step.event) for _, done in run.history[0].inside] == [SetMask]
    assert run.reached["waited for dma_win_init_mutex"] == 1
    assert all(view is not None and view.window for view in (run.guest.view(0), run.guest.view(1)))
