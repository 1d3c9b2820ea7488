# SPDX-License-Identifier: GPL-2.0-or-later
"""The shrinker on findings that are known: what is left is small, plain, the same every time, and each part is needed."""

import json
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from conformance import baseline
from conformance.plainer import renumbered, weight
from conformance.shrink import Shows, shrink
from conformance.survey import watch
from ddwcheck.need import needs
from model.defects import apply, catalogue, of_release
from model.events import Fault, Map, Offline, Online, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.profiles import POWERVM_SRIOV, Lpar, MultiTce, simple_lpar
from model.run import GuestMaker
from model.trace import Trace, from_json
from model.types import GIB, BusAddress, Direction, DmaMask, PageShift, PhysAddr, Span

ROOT = Path(__file__).parent.parent
ALL = DmaMask((1 << 64) - 1)
KNOWN = baseline.load(ROOT / "conformance" / "baseline-6.12.json")
LINUX = apply(Kernel, of_release("6.12"))
LEAK = "route-agrees: map set TCEs for this handle, unmap took it for a direct one (Unmap)"
UNCOVERED = "ram-covered: bus address N does not reach online RAM at N (SetMask)"


def shown_by(guest: GuestMaker, name: str) -> Shows:
    return lambda trace: any(sight.fingerprint == name for sight in watch(trace, guest)[0])


def at(start: int, size: int) -> Span[PhysAddr]:
    return Span(PhysAddr(start), PhysAddr(start + size))


def leaking() -> Trace:
    """A trace of twelve steps with odd sizes, of which three matter."""
    blocks = (at(0, 3 * GIB), at(5 * GIB, 3 * GIB))
    lpar = Lpar(
        blocks,
        (0,),
        PhysAddr(8 * GIB),
        (at(48 * GIB, 5 * GIB), at(64 * GIB, GIB)),
        (0,),
        PageShift(12),
        MultiTce.BOTH,
        (0, 1),
    )
    vpmem = lpar.vpmem[0].start
    steps = (
        Step(Map(0, at(4096, 8192), Direction.TO_DEVICE, 1)), Step(Unmap(0)), Step(Online(1)), Step(Offline(1)),
        Step(SetMask(0, DmaMask((1 << 32) - 1))), Step(SetMask(1, ALL), (Fault("allocate failed-entry", 0, 0),)),
        Step(Map(1, at(8192, 4096), Direction.TO_DEVICE, 1)), Step(Online(1, True)),
        Step(Map(1, at(vpmem + 4097, 12345), Direction.FROM_DEVICE, 3)), Step(Unmap(1)),
        Step(Offline(0, True)), Step(Unmap(2)),
    )  # fmt: skip
    return Trace(replace(POWERVM_SRIOV, dma64=BusAddress(POWERVM_SRIOV.dma64 * 3)), lpar, steps)


def test_a_finding_keeps_three_of_twelve_steps_and_plain_values() -> None:
    shows = shown_by(apply(Kernel, [catalogue()["unmap-by-offset-alone"]]), LEAK)
    assert shows(leaking())
    small = shrink(leaking(), shows)
    vpmem = small.lpar.vpmem[0]
    page = Span(vpmem.start, PhysAddr(vpmem.start + (1 << 16)))
    assert small.steps == (Step(SetMask(0, ALL)), Step(Map(0, page, Direction.BIDIRECTIONAL, 0)), Step(Unmap(0)))
    assert small.profile == POWERVM_SRIOV
    assert small.lpar == Lpar((at(0, GIB),), (0,), PhysAddr(GIB), (at(vpmem.start, GIB),), (0,))
    assert vpmem.start.bit_count() == 1


def test_shrinking_is_the_same_every_time_and_has_an_end() -> None:
    shows = shown_by(apply(Kernel, [catalogue()["unmap-by-offset-alone"]]), LEAK)
    small = shrink(leaking(), shows)
    assert shrink(leaking(), shows) == small == shrink(small, shows)
    assert weight(small) < weight(leaking())


def test_no_known_finding_takes_long_and_none_is_lost() -> None:
    slowest, number = 0.0, 0
    for name, known in KNOWN.items():
        shows = shown_by(LINUX, name)
        if shows(known.trace):
            start = monotonic()
            small = shrink(known.trace, shows)
            slowest, number = max(slowest, monotonic() - start), number + 1
            assert shows(small) and weight(small) <= weight(known.trace)
    assert number > 60 and slowest < 60


def test_mappings_are_numbered_anew_when_one_goes() -> None:
    trace = leaking()
    left = [k for k in range(len(trace.steps)) if k not in (0, 6)]
    endings = [step.event for step in renumbered(trace, left) if isinstance(step.event, Unmap)]
    assert endings == [Unmap(0)]


def test_what_shows_for_another_reason_is_not_made_stranger() -> None:
    """RAM stays below the maximum that firmware announced, and vPMEM above it, where they did."""
    trace = Trace(POWERVM_SRIOV, simple_lpar(8 * GIB, vpmem=GIB), (Step(SetMask(0, ALL)),))
    small = shrink(trace, lambda candidate: bool(candidate.lpar.vpmem) and len(candidate.lpar.blocks) == 2)
    lpar = small.lpar
    assert max(block.stop for block in lpar.blocks) <= lpar.hotplug_max <= lpar.vpmem[0].start


def test_each_part_of_the_leak_is_needed_and_the_values_are_not_the_only_ones() -> None:
    data = json.loads((ROOT / "tests/vectors/split-unmap-leak/trace.json").read_text())
    guest = apply(Kernel, [catalogue()["unmap-by-offset-alone"]])
    need = needs(from_json(data), shown_by(guest, LEAK), "whenever the window is split")
    assert {"step 1", "step 2", "step 3", "vPMEM"} <= set(need.needed)
    assert "RAM that is offline at boot" in need.spare
    assert "platform powervm-dedicated" in need.holds and "kernel pages of 4K" in need.fails_too
    assert need.condition == "whenever the window is split"


@pytest.mark.parametrize("name", [UNCOVERED])
def test_a_page_size_is_needed_where_rounding_is_the_point(name: str) -> None:
    shows = shown_by(LINUX, name)
    small = shrink(KNOWN[name].trace, shows)
    assert "a page-size mask other than the usual" in needs(small, shows).needed
