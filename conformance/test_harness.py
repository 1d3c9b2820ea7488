# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness itself: answers reach the kernel's code where they belong, scenarios repeat, crashes are verdicts."""

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.differ import story
from conformance.edits import MISUSE, Edit, apply
from conformance.kernel import worker
from conformance.kernel.build import BuildFailed, Variant, build
from conformance.kernel.kernels import Kernels
from conformance.kernel.worker import Known, Program
from conformance.scope import Bounded, OutOfScope
from model.calls import HcallStatus, RtasCall
from model.events import (
    AllocCoherent,
    Attach,
    Detach,
    Event,
    Fault,
    FreeCoherent,
    Map,
    MapSg,
    Offline,
    Online,
    Reboot,
    SetMask,
    Step,
    Unmap,
    UnmapSg,
)
from model.guest.kernel import Kernel
from model.invariants.registry import GUEST_CRASH
from model.possible import BITS_32
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Lpar, MultiTce, Profile, simple_lpar
from model.run import GuestMaker, InvariantBroken, Run
from model.types import GIB, Direction, DmaMask, PageShift, PhysAddr, Span

ALL = DmaMask((1 << 64) - 1)
LPAR = simple_lpar(4 * GIB)
HUGE = simple_lpar(1 << 44)
BUFFER = Map(0, Span(PhysAddr(0x100000), PhysAddr(0x110000)), Direction.BIDIRECTIONAL)


def life(guest: GuestMaker, *steps: Event | Step, profile: Profile = POWERVM_DEDICATED, lpar: Lpar = LPAR) -> Run:
    """A run of these steps, violations or not."""
    run = Run(profile, lpar, guest, Bounded)
    for step in steps:
        try:
            run.step(step if isinstance(step, Step) else Step(step))
        except InvariantBroken as broken:
            if any(violation.invariant == GUEST_CRASH for violation in broken.violations):
                raise
    return run


@pytest.mark.parametrize("page", [12, 16])
def test_a_direct_window_is_opened_mapped_and_left_as_the_reference_does(kernels: Kernels, page: int) -> None:
    lpar = replace(LPAR, page=PageShift(page))
    events = (SetMask(0, ALL), BUFFER, Unmap(0), Online(1), Offline(1), Detach(0))
    compiled = life(kernels, *events, lpar=lpar)
    reference = life(Kernel, *events, lpar=lpar)
    for one, other in zip(compiled.history, reference.history, strict=True):
        assert (story(one.crossings), one.answer) == (story(other.crossings), other.answer)


def listed(*ranges: tuple[int, int], longest: int = 1 << 20, boundary: int = 0xFFFFFFFF) -> MapSg:
    """A scatterlist of ranges, each a start and a size."""
    memory = tuple(Span(PhysAddr(start), PhysAddr(start + size)) for start, size in ranges)
    return MapSg(0, memory, Direction.TO_DEVICE, longest, boundary)


MIXED = listed((0x10000, 0x10000), (0x20000, 0x10000), (0x20000, 4096), (0x51000, 8192), (0x33333, 0x100000))
SHORT = listed((0x10000, 4096), (0x30000, 4096), (0x40000, 4096), (0x71234, 9), longest=8192)
BUFFERS = [AllocCoherent(0, Span(PhysAddr(0x200000), PhysAddr(0x200000 + size)), BITS_32) for size in (1, 0x10001)]
LIVES: dict[str, tuple[Event, ...]] = {
    "through the default window": (MIXED, SHORT, *BUFFERS, UnmapSg(0), FreeCoherent(2), MIXED, UnmapSg(1)),
    "direct": (SetMask(0, ALL), MIXED, replace(BUFFERS[1], mask=ALL), UnmapSg(0), FreeCoherent(1)),
}


@pytest.mark.parametrize("page", [12, 16])
@pytest.mark.parametrize("name", LIVES)
def test_lists_and_coherent_buffers_are_mapped_and_ended_as_the_reference_does(
    kernels: Kernels, page: int, name: str
) -> None:
    lpar = replace(LPAR, page=PageShift(page))
    compiled, reference = life(kernels, *LIVES[name], lpar=lpar), life(Kernel, *LIVES[name], lpar=lpar)
    for one, other in zip(compiled.history, reference.history, strict=True):
        assert (story(one.crossings), one.answer) == (story(other.crossings), other.answer)


def test_without_pages_there_is_no_coherent_buffer(kernels: Kernels) -> None:
    done = life(kernels, Step(BUFFERS[0], (Fault("allocate coherent", 0, 0),))).history[-1]
    assert done.answer is None and not done.crossings


@pytest.mark.parametrize("skip", [0, 1, 700, 2047])
def test_a_failure_in_the_middle_of_a_loop_is_seen_there(kernels: Kernels, skip: int) -> None:
    """The pre-map of 8 TiB takes 8192 calls; the one that fails is the last of its loop."""
    fault = Fault("H_PUT_TCE_INDIRECT", skip, int(HcallStatus.HARDWARE))
    done = life(kernels, Step(SetMask(0, ALL), (fault,)), lpar=HUGE).history[-1]
    sets = [c for c in story(done.crossings) if getattr(c, "name", "") == "H_PUT_TCE_INDIRECT"]
    assert sum(group.calls for group in sets) == skip + 1  # type: ignore[attr-defined]
    assert [group.status for group in sets][-1:] == ["HARDWARE"]  # type: ignore[attr-defined]
    assert done.crossings[-1].name == "remove"


def test_a_loop_that_goes_on_whatever_it_is_told_leaves_the_scope(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_FAILURES", 0)
    with pytest.raises(OutOfScope, match="too many refusals"):
        life(kernels, Step(BUFFER, (Fault("H_PUT_TCE_INDIRECT", 0, int(HcallStatus.HARDWARE)),)))
    assert life(kernels, BUFFER).history[-1].answer is not None


def test_two_failures_in_one_event_are_both_seen(kernels: Kernels) -> None:
    faults = (Fault("H_PUT_TCE_INDIRECT", 1, int(HcallStatus.HARDWARE)), Fault("H_STUFF_TCE", 1, int(HcallStatus.BUSY)))
    done = life(kernels, Step(SetMask(0, ALL), faults), lpar=HUGE).history[-1]
    statuses = [c.answer.status.name for c in done.crossings if c.injected]
    assert statuses == ["HARDWARE", "BUSY"]


def test_a_scenario_repeats_word_for_word(kernels: Kernels) -> None:
    events = (SetMask(0, ALL), BUFFER, Step(Unmap(0), (Fault("H_STUFF_TCE", 0, -1),)), Detach(0), Attach(0), Reboot())
    told = []
    for _ in range(2):
        run = life(kernels, *events, profile=POWERVM_SRIOV)
        told.append((run.history, run.guest.view(0)))
    assert told[0][0] == told[1][0]
    assert told[0][1] == told[1][1] is not None


def test_a_crash_is_a_verdict_with_its_place_and_the_next_scenario_runs(kernels: Kernels) -> None:
    """The default window's table is not to be had, and pci_dma_bus_setup_pSeriesLP() does not look."""
    crash = Step(Attach(0), (Fault("allocate table", 0, 0),))
    with pytest.raises(InvariantBroken) as broken:
        life(kernels, Detach(0), crash)
    assert broken.value.violations[0].invariant == GUEST_CRASH
    assert "pci_dma_bus_setup_pSeriesLP() iommu.c:" in broken.value.violations[0].message
    assert life(kernels, SetMask(0, ALL)).guest.view(0) is not None


def test_each_call_knows_the_line_it_came_from(kernels: Kernels) -> None:
    kernels.callers.clear()
    run = life(kernels, SetMask(0, ALL), BUFFER)
    places = kernels.places(run)
    known = [place for place in places[0] if place is not None]
    assert [place.function for place in known] == ["query_ddw", "create_ddw", "tce_setrange_multi_pSeriesLP"]
    source = (kernels.tree.root / known[0].file).read_text().splitlines()
    assert "rtas_call(" in "".join(source[known[0].line - 2 :][:3])
    assert kernels.last_place(run) is None  # the buffer is routed directly


def test_what_the_program_started_ends_with_it(kernels: Kernels) -> None:
    path = kernels.program(16).path
    with Program(path) as program:
        child = program.start(Known())
    alive = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False).stdout
    assert alive.strip()[:1] in ("", "Z")  # a niced one is ZN


def test_a_missing_symbol_is_named_with_the_place_where_its_stand_in_goes(
    kernels: Kernels, tmp_path_factory: pytest.TempPathFactory
) -> None:
    edit = Edit("arch/powerpc/kernel/dma-iommu.c", "get_iommu_table_base(dev)", "a_function_of_tomorrow(dev)")
    tree = apply(kernels.tree, tmp_path_factory.mktemp("tree"), edit)
    with pytest.raises(BuildFailed, match=r"a_function_of_tomorrow.*conformance/kernel/c"):
        build(tree, Variant(), tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("verdict", MISUSE)
def test_no_end_and_misuse_of_locks_are_verdicts_with_a_place(verdict: str, tmp_path: Path) -> None:
    tree = apply(tree_of(RELEASES[-1]), tmp_path / "tree", MISUSE[verdict])
    with Kernels(tree, tmp_path / "programs") as wrong:
        with pytest.raises(InvariantBroken) as broken:
            life(wrong, SetMask(0, ALL), Detach(0), Attach(0), profile=POWERVM_SRIOV)
        assert broken.value.violations[0].invariant == GUEST_CRASH
        assert verdict in broken.value.violations[0].message
        with suppress(InvariantBroken):
            assert life(wrong, BUFFER).history, "the next scenario does not run"


HOLE = Lpar(
    (Span(PhysAddr(0), PhysAddr(0x1000000)), Span(PhysAddr(0x12000000), PhysAddr(0x15000000))), (0, 1), PhysAddr(0x15000000),
    multi_tce=MultiTce.STUFF,
)  # fmt: skip
"""The first block is one I/O page of 16 MiB, and the loop over it one call, which the next block's first one goes on from."""


def test_calls_on_both_sides_of_a_hole_are_no_loop_over_it(kernels: Kernels) -> None:
    run = Run(replace(POWERVM_DEDICATED, pages=0x7), HOLE, kernels, Bounded)
    run.step(Step(SetMask(0, ALL)))  # else no-write-outside: such a loop would end far beyond the window
    written = [crossing.call for crossing in run.history[-1].crossings if not isinstance(crossing.call, RtasCall)]
    assert [call.ioba & 0xFFFFFFFF for call in written][:2] == [0, 0x12000000]
