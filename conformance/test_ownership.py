# SPDX-License-Identifier: GPL-2.0-or-later
"""VFIO on a PE of the kernel's C: it takes the PE, makes windows of its own, maps, and gives the PE back as it was."""

from pathlib import Path

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.edits import HANDED_OVER, apply
from conformance.kernel.kernels import Kernels
from conformance.scope import Bounded
from model.events import (
    CreateTable,
    Detach,
    Event,
    Map,
    MapUser,
    ReleaseOwnership,
    SetMask,
    SetWindow,
    Step,
    TakeOwnership,
    Unmap,
    UnmapUser,
    UnsetWindow,
)
from model.interfaces import Answer
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Profile, simple_lpar
from model.run import InvariantBroken, Run
from model.types import GIB, KIB, MIB, BusAddress, Direction, DmaMask, PhysAddr, Span

OPEN = SetMask(0, DmaMask((1 << 64) - 1))
BUFFER = Map(0, Span(PhysAddr(0), PhysAddr(4 * KIB)), Direction.TO_DEVICE)
MEMORY = Span(PhysAddr(MIB), PhysAddr(2 * MIB))


class Owned:
    """A partition with one device of a kernel that knows VFIO, and what breaks in it but F16."""

    def __init__(self, kernels: Kernels, profile: Profile) -> None:
        if not kernels.drives(TakeOwnership(0)):
            pytest.skip("its VFIO has no windows on pseries")
        self.run = Run(profile, simple_lpar(4 * GIB), kernels, Bounded)
        self.broken: set[str] = set()

    def windows(self) -> list[tuple[int, int]]:
        """Page shift and window shift of each."""
        return [(window.page_shift, window.window_shift) for window in self.run.hypervisor.windows(self.run.pes[0])]

    def did(self, event: Event) -> bool:
        """Whether an event could happen, and has."""
        if self.run.impossible(event) is not None:
            return False
        self.do(event)
        return True

    def do(self, *events: Event) -> Answer:
        """What the last of some events comes to."""
        answer: Answer = None
        for event in events:
            assert self.run.impossible(event) is None
            try:
                answer = self.run.step(Step(event))
            except InvariantBroken as more:
                self.broken |= {violation.invariant for violation in more.violations} - {"calls-well-formed"}
                answer = self.run.history[-1].answer
        return answer


@pytest.mark.parametrize("profile", [POWERVM_DEDICATED, POWERVM_SRIOV], ids=lambda profile: profile.name)
def test_a_pe_comes_back_as_it_was(kernels: Kernels, profile: Profile) -> None:
    owned = Owned(kernels, profile)
    assert owned.do(OPEN, TakeOwnership(0)) is True and owned.windows() == [(12, 31)]
    owned.do(ReleaseOwnership(0))
    assert owned.windows() == [(12, 31)]
    owned.do(OPEN)
    assert owned.broken <= {"limit-matches-split"}  # F50


def test_the_owner_has_both_windows_and_maps_through_them(kernels: Kernels) -> None:
    owned = Owned(kernels, POWERVM_DEDICATED)
    assert owned.do(TakeOwnership(0), CreateTable(0, 0, 12, GIB)) == 0
    start = owned.do(CreateTable(0, 1, 16, 4 * GIB))
    assert isinstance(start, int) and owned.windows() == [(12, 31), (16, 32)]
    for number, iova in enumerate((0, start)):
        assert owned.do(SetWindow(0, number, 0)) is True
        assert owned.do(MapUser(0, number, BusAddress(iova), MEMORY, Direction.BIDIRECTIONAL)) == iova
    owned.do(UnmapUser(1))
    assert owned.do(UnsetWindow(0, 1)) is True and owned.windows() == [(12, 31)]
    assert owned.do(UnsetWindow(0, 0)) is True and not owned.run.hypervisor.windows(owned.run.pes[0])[0].table.valid()
    owned.do(ReleaseOwnership(0), OPEN, BUFFER, Unmap(2), Detach(0))
    assert not owned.broken


def test_what_the_owner_may_not_have_is_refused(kernels: Kernels) -> None:
    owned = Owned(kernels, POWERVM_SRIOV)
    owned.do(TakeOwnership(0))
    assert owned.do(CreateTable(0, 0, 16, 3 * GIB)) is None  # no power of two
    assert owned.do(CreateTable(0, 0, 16, 1 << 50)) is None  # more than a block
    assert owned.do(CreateTable(0, 0, 13, GIB)) is None  # no such pages
    assert owned.do(CreateTable(0, 0, 16, 4 * GIB)) is None  # F48: the only window is taken, it was not removed
    owned.do(ReleaseOwnership(0))
    assert owned.windows() == [(12, 31)]


LIFE = (
    SetMask(0, DmaMask((1 << 32) - 1)), TakeOwnership(0), CreateTable(0, 0, 12, GIB), SetWindow(0, 0, 0),
    MapUser(0, 0, BusAddress(MIB), MEMORY, Direction.TO_DEVICE), UnsetWindow(0, 0), ReleaseOwnership(0), BUFFER, Unmap(1),
)  # fmt: skip
"""Of a PE that changes hands and comes back."""


def test_that_life_breaks_nothing(kernels: Kernels) -> None:
    owned = Owned(kernels, POWERVM_DEDICATED)
    owned.do(*LIFE)
    assert not owned.broken


@pytest.mark.parametrize("slip", HANDED_OVER)
def test_a_wrong_line_is_seen_in_that_life(slip: str, tmp_path: Path) -> None:
    wrong = apply(tree_of(RELEASES[-1]), tmp_path / "tree", HANDED_OVER[slip])
    with Kernels(wrong, tmp_path / "programs") as kernels:
        owned = Owned(kernels, POWERVM_DEDICATED)
        ends = next((event for event in LIFE if not owned.did(event)), None)
    assert owned.broken or ends == Unmap(1), "nothing is broken, and the host's driver has its buffer"
