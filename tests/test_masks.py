# SPDX-License-Identifier: GPL-2.0-or-later
"""What is judged of functions that share a window and want more or less of it."""

from dataclasses import replace

import pytest

from model.events import SetMask, Step
from model.guest.kernel import Kernel
from model.guest.windows import Device
from model.interfaces import MaskAnswer
from model.profiles import QEMU_PSERIES, simple_lpar
from model.run import InvariantBroken, Run
from model.types import MIB, BusAddress, DmaMask, PhysAddr

LOW = replace(QEMU_PSERIES, dma64=BusAddress(1 << 31), mmio32=None)
"""Its windows are within 32 bits."""
LPAR = replace(simple_lpar(32 * MIB, block=16 * MIB), functions=(0, 0), hotplug_max=PhysAddr(32 * MIB))
BITS_32, BITS_64 = DmaMask((1 << 32) - 1), DmaMask((1 << 64) - 1)


def test_a_function_that_wants_32_bits_need_not_look_for_the_window_of_another() -> None:
    run = Run(LOW, LPAR)
    answers = [run.step(Step(SetMask(device, mask))) for device, mask in ((0, BITS_64), (1, BITS_32))]
    assert answers == [MaskAnswer(True, True), MaskAnswer(True, False)]


class Forgetful(Kernel):
    """Looks for no window when another function has opened it."""

    def opens_direct(self, dev: Device, mask: DmaMask) -> bool:
        """Only the first function of a PE does."""
        return dev.node.window is None and super().opens_direct(dev, mask)


def test_a_function_that_wants_more_is_to_use_it() -> None:
    run = Run(LOW, LPAR, Forgetful)
    run.step(Step(SetMask(0, BITS_64)))
    with pytest.raises(InvariantBroken, match="limit-matches-split"):
        run.step(Step(SetMask(1, BITS_64)))
