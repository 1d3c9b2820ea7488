# SPDX-License-Identifier: GPL-2.0-or-later
"""VFIO on a PE of the kernel's C: it takes the PE, makes windows of its own, and gives the PE back as it was."""

import pytest

from conformance.kernel.guest import CompiledKernel, Own
from conformance.kernel.kernels import Kernels
from conformance.scope import Bounded
from model.events import Detach, Event, Map, SetMask, Step, Unmap
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Profile, simple_lpar
from model.run import InvariantBroken, Run
from model.types import GIB, KIB, Direction, DmaMask, PhysAddr, Span

OLDEST = (6, 12)
"""The first of the tested releases whose VFIO knows windows on pseries."""
PERM, INVAL, NODEV = -1, -22, -19
"""Linux: errno."""
OPEN = SetMask(0, DmaMask((1 << 64) - 1))
BUFFER = Map(0, Span(PhysAddr(0), PhysAddr(4 * KIB)), Direction.TO_DEVICE)


class Owned:
    """A partition with one device, and what VFIO does with it."""

    def __init__(self, kernels: Kernels, profile: Profile) -> None:
        if kernels.tree.version < OLDEST:
            pytest.skip("its VFIO has no windows on pseries")
        self.run = Run(profile, simple_lpar(4 * GIB), kernels, Bounded)
        assert isinstance(self.run.guest, CompiledKernel)
        self.guest = self.run.guest

    def own(self, what: Own, window: int = 0, page_shift: int = 12, size: int = 0) -> int:
        return self.guest.own(what, 0, window, page_shift, size)

    def windows(self) -> list[tuple[int, int]]:
        """Page shift and window shift of each."""
        return [(window.page_shift, window.window_shift) for window in self.run.hypervisor.windows(self.run.pes[0])]

    def live(self, *events: Event) -> set[str]:
        """What breaks while the host's drivers go on, but for F16."""
        broken = set()
        for event in events:
            try:
                self.run.step(Step(event))
            except InvariantBroken as more:
                broken |= {violation.invariant for violation in more.violations}
        return broken - {"calls-well-formed"}


@pytest.mark.parametrize("profile", [POWERVM_DEDICATED, POWERVM_SRIOV], ids=lambda profile: profile.name)
def test_a_pe_comes_back_as_it_was(kernels: Kernels, profile: Profile) -> None:
    owned = Owned(kernels, profile)
    assert not owned.live(OPEN)
    assert owned.own(Own.TAKE) == 0 and owned.windows() == [(12, 31)]
    assert owned.own(Own.RELEASE) == 0 and owned.windows() == [(12, 31)]
    assert not owned.live(OPEN, BUFFER, Unmap(0), Detach(0))


def test_the_owner_has_both_windows(kernels: Kernels) -> None:
    owned = Owned(kernels, POWERVM_DEDICATED)
    assert owned.own(Own.TAKE) == 0
    assert owned.own(Own.CREATE_TABLE, 0, 12, GIB) == 0
    assert owned.own(Own.CREATE_TABLE, 1, 16, 4 * GIB) == 0 and owned.windows() == [(12, 31), (16, 32)]
    assert owned.own(Own.CREATE_TABLE, 0, 16, 4 * GIB) == PERM  # there is such a window already
    assert owned.own(Own.UNSET_WINDOW, 1) == 0 and owned.windows() == [(12, 31)]
    assert owned.own(Own.UNSET_WINDOW, 0) == 0
    assert owned.own(Own.RELEASE) == 0
    assert not owned.live(OPEN, BUFFER, Unmap(0), Detach(0))


def test_what_the_owner_may_not_have_is_refused(kernels: Kernels) -> None:
    owned = Owned(kernels, POWERVM_SRIOV)
    assert owned.own(Own.TAKE) == 0
    assert owned.own(Own.CREATE_TABLE, 0, 16, 3 * GIB) == INVAL  # no power of two
    assert owned.own(Own.CREATE_TABLE, 1, 16, 1 << 50) == INVAL  # more than a block
    assert owned.own(Own.CREATE_TABLE, 1, 16, 4 * GIB) == NODEV  # the only window is taken: it is not removed
    assert owned.own(Own.RELEASE) == 0 and owned.windows() == [(12, 31)]
