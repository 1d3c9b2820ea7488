# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that follow another one without a reboot: the C boots again, and finds what the one before has left."""

from pathlib import Path

import pytest

from conformance.cause import closest_release
from conformance.conftest import RELEASES, tree_of
from conformance.differ import compare
from conformance.edits import FOLLOWED, apply
from conformance.kernel.kernels import Kernels
from conformance.survey import watch
from model.defects import apply as with_defects
from model.defects import of_release
from model.events import Event, Inside, Kdump, Kexec, Map, Reboot, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Profile, simple_lpar
from model.trace import Trace
from model.types import GIB, KIB, MIB, Direction, DmaMask, PhysAddr, Span

LPAR = simple_lpar(4 * GIB)
OPEN = SetMask(0, DmaMask((1 << 64) - 1))
BUFFER = Map(0, Span(PhysAddr(0), PhysAddr(128 * KIB)), Direction.FROM_DEVICE)
ASIDE = Span(PhysAddr(64 * MIB), PhysAddr(128 * MIB))
DUMP = (Kdump(ASIDE), OPEN, Map(0, ASIDE._replace(stop=PhysAddr(65 * MIB)), Direction.TO_DEVICE), Unmap(1), Reboot())
LIVES: dict[str, tuple[Event, ...]] = {
    "kexec": (OPEN, Kexec(), OPEN, BUFFER, Unmap(0)),
    "kexec before a window is there": (BUFFER, Unmap(0), Kexec(), OPEN, Kexec()),
    "kdump": (BUFFER, OPEN, *DUMP),
    "kdump before a window is there": (BUFFER, *DUMP),
}
PROFILES = (POWERVM_DEDICATED, POWERVM_SRIOV)


def trace(profile: Profile, *steps: Event | Step) -> Trace:
    return Trace(profile, LPAR, tuple(step if isinstance(step, Step) else Step(step) for step in steps))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("life", LIVES)
def test_the_model_of_the_release_does_the_same(kernels: Kernels, life: str, profile: Profile) -> None:
    model = with_defects(Kernel, of_release(closest_release(kernels.tree.version)))
    assert compare(trace(profile, *LIVES[life]), kernels, model) is None


def test_only_a_window_beside_the_default_one_keeps_what_was_mapped(kernels: Kernels) -> None:
    assert {"kexec-keeps-running"} == broken(kernels, POWERVM_DEDICATED, *LIVES["kexec"])
    assert not broken(kernels, POWERVM_SRIOV, *LIVES["kexec"])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_kernel_that_dumps_lets_tces_be(kernels: Kernels, profile: Profile) -> None:
    assert not broken(kernels, profile, *LIVES["kdump"])
    for after in (0, 2, 5, 9):
        crash = Step(OPEN, inside=(Inside(after, Step(Kdump(ASIDE))),))
        assert not broken(kernels, profile, BUFFER, Unmap(0), crash, OPEN, Reboot(), OPEN)


def broken(kernels: Kernels, profile: Profile, *steps: Event | Step) -> set[str]:
    """What breaks but F16."""
    sights, _ = watch(trace(profile, *steps), kernels)
    return {sight.violation.invariant for sight in sights} - {"calls-well-formed"}


@pytest.mark.parametrize("slip", FOLLOWED)
def test_a_wrong_line_is_seen(slip: str, tmp_path: Path) -> None:
    wrong = apply(tree_of(RELEASES[-1]), tmp_path / "tree", FOLLOWED[slip])
    with Kernels(wrong, tmp_path / "programs") as kernels:
        assert any(broken(kernels, POWERVM_SRIOV, *LIVES[life]) for life in ("kexec", "kdump"))
