# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that follow another one: what they find, what they keep, what they give up."""

from dataclasses import replace

from model.events import Detach, Inside, Kdump, Kexec, Map, Online, Reboot, SetMask, Step, Unmap
from model.interfaces import MaskAnswer
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Profile, simple_lpar
from model.run import Run
from model.trace import Trace, from_json, to_json
from model.types import GIB, MIB, BusAddress, Direction, DmaMask, PhysAddr, Span

ALL = DmaMask((1 << 64) - 1)
DUMP = Kdump(Span(PhysAddr(64 * MIB), PhysAddr(128 * MIB)))
BUFFER = Map(0, Span(PhysAddr(16 * MIB), PhysAddr(16 * MIB + 9000)), Direction.BIDIRECTIONAL)
FOR_THE_DUMP = Map(0, Span(PhysAddr(64 * MIB), PhysAddr(64 * MIB + 9000)), Direction.TO_DEVICE)


def running(profile: Profile, ram: int = 8 * GIB) -> Run:
    """A partition whose device has its window."""
    run = Run(profile, simple_lpar(ram, block=min(ram // 2, 256 * MIB)))
    run.step(Step(SetMask(0, ALL)))
    return run


def test_after_kexec_a_found_window_is_an_empty_table() -> None:
    run = running(POWERVM_SRIOV)
    (window,) = run.hypervisor.windows(run.pe(0))
    assert window.table.valid()
    run.step(Step(Kexec()))
    assert run.hypervisor.windows(run.pe(0)) == [window] and not window.table.valid()
    assert run.step(Step(SetMask(0, ALL))) == MaskAnswer(accepted=True, bypass=False)
    assert run.step(Step(FOR_THE_DUMP)) == window.base
    run.step(Step(Unmap(0)))
    run.step(Step(Detach(0)))


def test_where_there_is_a_default_window_the_found_one_is_cleared_and_left_alone() -> None:
    run = running(POWERVM_DEDICATED)
    run.step(Step(Kexec()))
    default, found = run.hypervisor.windows(run.pe(0))
    assert not found.table.valid()
    view = run.guest.view(0)
    assert view is not None and view.current == default.liobn and view.window is not None


def test_a_kernel_that_dumps_keeps_what_devices_use() -> None:
    run = running(POWERVM_SRIOV)
    assert run.step(Step(BUFFER)) == run.hypervisor.windows(run.pe(0))[0].base + 16 * MIB
    run.step(Step(DUMP))
    (window,) = run.hypervisor.windows(run.pe(0))
    assert [span[:2] for span in window.table.spans(0, 1 << 40)] == [(0, 2048)], (
        "4 GiB online at boot, in pages of 2 MiB"
    )
    run.step(Step(SetMask(0, ALL)))
    assert run.step(Step(FOR_THE_DUMP)) == window.base + 4 * GIB, "behind them"
    assert run.impossible(Online(1)) is not None, "a dump is all that happens until the reboot"
    run.step(Step(Unmap(1)))
    run.step(Step(Reboot()))
    assert run.impossible(Online(1)) is None


def test_a_full_table_of_few_entries_gives_up_its_second_half() -> None:
    run = running(POWERVM_SRIOV, 256 * MIB)
    run.step(Step(Online(1)))
    run.step(Step(DUMP))
    run.step(Step(SetMask(0, ALL)))
    assert run.step(Step(FOR_THE_DUMP)) == run.hypervisor.windows(run.pe(0))[0].base + 128 * MIB
    assert run.reached["kdump: a full table gives up its last entries"] == 1


def test_a_crash_cuts_the_event_off_and_replays() -> None:
    step = Step(SetMask(0, ALL), inside=(Inside(3, Step(DUMP)),))
    run = Run(POWERVM_SRIOV, simple_lpar(8 * GIB))
    run.step(step)
    assert run.history[0].answer is None and [done.step.event for _, done in run.history[0].inside] == [DUMP]
    trace = Trace(run.profile, run.lpar, (step,))
    again = from_json(to_json(trace, run.history))
    assert again == trace
    other = Run(again.profile, again.lpar)
    other.step(again.steps[0])
    assert other.history == run.history


def test_the_table_of_a_window_that_was_given_up_at_the_crash_is_not_judged() -> None:
    """When the next window is of no use and goes again, the default one comes back by itself (R1-7.3.27.3-3), empty."""
    mmio = Span(BusAddress(3 * GIB), BusAddress(3 * GIB + 0x11000))
    run = Run(replace(POWERVM_SRIOV, dma64=mmio.start, mmio32=mmio), simple_lpar(64 * MIB, block=32 * MIB))
    run.step(Step(SetMask(0, ALL), inside=(Inside(3, Step(Kdump(Span(PhysAddr(0), PhysAddr(MIB))))),)))
    assert not run.hypervisor.windows(run.pe(0))
    run.step(Step(SetMask(0, ALL)))
    (window,) = run.hypervisor.windows(run.pe(0))
    assert window.liobn == run.hypervisor.properties(run.pe(0)).default_liobn
    view = run.guest.view(0)
    assert view is not None and view.tables[0].allocated, "it took what it could not read for taken"
