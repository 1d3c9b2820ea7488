# SPDX-License-Identifier: GPL-2.0-or-later
"""Other CPUs in the middle of what the kernel's C does: at its calls, allocations and released locks."""

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.edits import Edit, apply
from conformance.kernel.build import PSERIES
from conformance.kernel.kernels import Kernels
from conformance.survey import watch
from model.events import Detach, Event, Inside, Map, Offline, Online, SetMask, Step, Unmap
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Lpar, Profile, simple_lpar
from model.run import Run
from model.trace import Trace
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

LPAR = simple_lpar(4 * GIB)
WHOLE, UPPER = replace(LPAR, online=(0, 1)), replace(LPAR, online=(1,))
OPEN = SetMask(0, DmaMask((1 << 64) - 1))
POINTS = range(20)
"""As many as any event here has, and some more."""


def at(after: int, event: Event, other: Event) -> Step:
    """`event`, with another CPU's at one point."""
    return Step(event, (), (Inside(after, Step(other)),))


def seen(kernels: Kernels, profile: Profile, lpar: Lpar, *steps: Step) -> tuple[set[str], Run]:
    """The invariants that break, but for F16, and the run."""
    sights, run = watch(Trace(profile, lpar, steps), kernels)
    assert run is not None
    return {sight.violation.invariant for sight in sights} - {"calls-well-formed"}, run


def anywhere(kernels: Kernels, profile: Profile, lpar: Lpar, event: Event, other: Event, *before: Event) -> set[str]:
    """What breaks at any point."""
    steps = tuple(map(Step, before))
    return set().union(*(seen(kernels, profile, lpar, *steps, at(k, event, other))[0] for k in POINTS))


@pytest.mark.parametrize(
    ("profile", "lpar", "block"), [(POWERVM_SRIOV, LPAR, 1), (POWERVM_DEDICATED, UPPER, 0)], ids=["sriov", "dedicated"]
)
def test_f45_a_block_that_comes_between_walk_and_list_is_not_mapped(
    kernels: Kernels, profile: Profile, lpar: Lpar, block: int
) -> None:
    assert "ram-covered" in anywhere(kernels, profile, lpar, OPEN, Online(block))


def test_f46_a_block_that_comes_before_a_removal_is_mapped_in_it(kernels: Kernels) -> None:
    found = anywhere(kernels, POWERVM_DEDICATED, LPAR, Detach(0), Online(1), OPEN)
    assert {"window-empty-at-removal", "detach-leaves-nothing"} <= found


def test_f47_a_block_that_goes_between_walk_and_list_stays_mapped(kernels: Kernels) -> None:
    assert "direct-maps-only-ram" in anywhere(kernels, POWERVM_DEDICATED, WHOLE, OPEN, Offline(1))


def test_a_cpu_waits_for_the_lock_that_another_one_holds(kernels: Kernels) -> None:
    broken, run = seen(kernels, POWERVM_DEDICATED, LPAR, Step(OPEN), at(0, Online(1), Detach(0)))
    assert not broken
    assert any(name.startswith("waited for &dma_win_list_lock") for name in run.reached)
    (_, detached), *more = run.history[-1].inside
    assert "remove" in [crossing.name for crossing in detached.crossings] and not more


def test_an_event_comes_at_each_point_once(kernels: Kernels) -> None:
    buffers = [Map(0, Span(PhysAddr(k << 20), PhysAddr((k << 20) + 4096)), Direction.TO_DEVICE, k) for k in (1, 2)]
    for after in POINTS:
        broken, run = seen(kernels, POWERVM_DEDICATED, LPAR, at(after, *buffers), Step(Unmap(0)))
        done = run.history[0]
        assert not broken and len(done.inside) == (after < 2)  # the lock of a pool, and the call
        assert [crossing.name for crossing in done.crossings] == ["H_PUT_TCE"]


ANOTHER_LOCK = (
    Edit(PSERIES, "static DEFINE_MUTEX(dma_win_init_mutex);",
         "static DEFINE_MUTEX(dma_win_init_mutex); static DEFINE_MUTEX(another);"),
    Edit(PSERIES, "limited_addr_req = (dma_mask",
         "mutex_lock(&another); mutex_unlock(&another); limited_addr_req = (dma_mask", "static bool enable_ddw("),
    Edit(PSERIES, "spin_lock(&dma_win_list_lock);",
         "mutex_lock(&another); mutex_lock(&dma_win_init_mutex); mutex_unlock(&dma_win_init_mutex); "
         "mutex_unlock(&another); spin_lock(&dma_win_list_lock);", "case MEM_GOING_ONLINE:"),
)  # fmt: skip
"""Two locks that are taken in either order."""


def test_locks_in_a_circle_are_a_verdict(tmp_path: Path) -> None:
    tree = tree_of(RELEASES[-1])
    for number, edit in enumerate(ANOTHER_LOCK):
        tree = apply(tree, tmp_path / str(number), edit)
    with Kernels(tree, tmp_path / "programs") as kernels:
        calm, _ = seen(kernels, POWERVM_DEDICATED, LPAR, Step(OPEN), Step(Online(1)))
        sights, _ = watch(Trace(POWERVM_DEDICATED, LPAR, (at(0, OPEN, Online(1)),)), kernels)
        after, _ = seen(kernels, POWERVM_DEDICATED, LPAR, Step(OPEN))
    assert not calm and not after
    assert any("locks are waited for in a circle" in sight.violation.message for sight in sights)
