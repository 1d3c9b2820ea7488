# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine finds is made small before it is reported, by the guest that showed it."""

import pytest

from ddwcheck.smallest import smallest
from model.defects import apply, catalogue
from model.events import Event, Map, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.invariants import Violation
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.run import InvariantBroken, Run
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

LPAR = simple_lpar(64 * GIB, vpmem=64 * GIB)
START = LPAR.vpmem[0].start
EVENTS: tuple[Event, ...] = (
    SetMask(0, DmaMask((1 << 64) - 1)), *(Map(0, Span(PhysAddr(0), PhysAddr(4096)), Direction.TO_DEVICE) for _ in range(6)),
    Map(0, Span(PhysAddr(START + 0x3000), PhysAddr(START + 0x5000)), Direction.TO_DEVICE), Unmap(2), Unmap(6),
)  # fmt: skip


def broken(guest: type[Kernel]) -> InvariantBroken:
    run = Run(POWERVM_SRIOV, LPAR, guest)
    with pytest.raises(InvariantBroken) as found:
        for event in EVENTS:
            run.step(Step(event))
    return found.value


def test_a_leak_among_other_mappings_is_three_events() -> None:
    guest = apply(Kernel, [catalogue()["unmap-by-offset-alone"]])
    found = broken(guest)
    assert len(found.run.history) == len(EVENTS)
    run, violations, need = smallest(found, ["unmap-by-offset-alone"])
    assert [type(done.step.event).__name__ for done in run.history] == ["SetMask", "Map", "Unmap"]
    assert violations[0].invariant == found.violations[0].invariant
    assert need is not None and {"step 1", "step 2", "step 3", "vPMEM"} <= set(need.needed) and not need.spare
    assert need.condition.startswith("whenever the window has a direct part")


def test_what_does_not_show_again_stays_as_it_is() -> None:
    guest = apply(Kernel, [catalogue()["unmap-by-offset-alone"]])
    run, other = broken(guest).run, Violation("regions-disjoint", "seen by nobody else", 1, 2)
    assert smallest(InvariantBroken([(EVENTS[-1], other)], run)) == (run, [other], None)
