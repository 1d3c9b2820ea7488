# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong rule is caught by the invariant it names, with what the `ci` profile draws.

Those that name none do no harm by themselves; conformance/test_agreement.py shows that each of them is needed.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from model.defects import Defect, apply, catalogue
from model.guest import kexec
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.invariants import INVARIANTS, Violation
from model.invariants.registry import GUEST_CRASH
from model.run import InvariantBroken
from model.trace import Trace
from properties.crashes import CRASHES, PARTITIONS, crashes
from properties.interleavings import MEETINGS, meetings
from properties.live import carried_out
from properties.machine import SHARDS, Shard, machine_of, seeded
from properties.owner_sweep import CASES as OWNED
from properties.owner_sweep import USES, lives, platform
from properties.settings import CI
from properties.sweep import CASES, LPARS, MASKS, failures, life, one_answer_each, refused_endings
from tests.known_bad import mutants

WRONG = {name: defect for name, defect in (catalogue() | mutants()).items() if defect.breaks is not None}


AT_A_PLACE = {
    "window-empty-at-removal", "no-dead-liobn", "no-write-outside", "map-fails-clean", "route-agrees", "handle-in-mask",
    "mapping-translates", "mappings-disjoint", "unmap-releases", "bitmap-matches-tces", "regions-disjoint", "ram-covered",
    "direct-maps-only-ram",
}  # fmt: skip
"""Invariants whose violations are always somewhere on the bus."""


def hunt(defect: Defect) -> list[Violation]:
    """Run the parts of the main job until the invariant that the defect names is broken: all that broke.

    First failures one by one, then the beginning of each shard, then the other sweeps, then the whole of each shard: most
    wrong rules show early in one of them, and those of a kernel that dumps another one in crashes, which come first for
    them. What breaks before may be another invariant, where the rule does more than one thing wrong: then the next is tried.
    """
    guest, hypervisor = apply(Kernel, [defect]), apply(Papr, [defect])
    most = CI.max_examples
    few, many = ([partial(draw, guest, hypervisor, shard, n) for shard in SHARDS] for n in (most // 10, most))
    found: list[Violation] = []
    early = chain(crashed(), failing()) if defect.replaces.__module__ == kexec.__name__ else failing()
    attempts: Iterator[Callable[[], object]] = chain(
        (partial(carried_out, trace, guest, hypervisor) for trace in early),
        few,
        (partial(carried_out, trace, guest, hypervisor) for trace in swept()),
        many,
    )
    for attempt in attempts:
        try:
            attempt()
        except InvariantBroken as broken:
            found += broken.violations
        if any(violation.invariant == defect.breaks for violation in found):
            break
    return found


def failing() -> Iterator[Trace]:
    """What the sweeps of failures go through: one answer at each point of enable, and every refused clearing."""
    for profile, lpar, mask in CASES:
        where = profile, LPARS[lpar], MASKS[mask]
        yield from (life(*where, (fault,)) for fault in one_answer_each(failures(*where, Kernel)))
        yield from refused_endings(*where)


def swept() -> Iterator[Trace]:
    """What the other sweeps go through: crashes, two events that meet, failures in user space."""
    yield from crashed()
    for profile in MEETINGS:
        yield from meetings(profile)
    for profile, use in OWNED:
        yield from (Trace(platform(profile, use), USES[use][0], steps) for steps in lives(profile, use))


def crashed() -> Iterator[Trace]:
    """A crash at every point, and the dump after it."""
    for profile, lpar in CRASHES:
        yield from crashes(profile, PARTITIONS[lpar])


def draw(guest: type[Kernel], hypervisor: type[Papr], shard: Shard, examples: int) -> None:
    """Some examples of a shard."""
    machine = seeded(machine_of(*shard, guest, hypervisor), shard)
    run_state_machine_as_test(machine, settings=settings(CI, max_examples=examples, phases=[Phase.generate]))


def test_every_invariant_has_a_wrong_rule_that_breaks_it() -> None:
    assert {defect.breaks for defect in WRONG.values()} - {GUEST_CRASH} == set(INVARIANTS)


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_rule_is_caught_by_its_invariant(name: str) -> None:
    violations = hunt(WRONG[name])
    broken = {violation.invariant for violation in violations}
    assert WRONG[name].breaks in broken, f"it broke {sorted(broken) or 'nothing'}"
    for violation in violations:
        assert violation.at is not None or violation.invariant not in AT_A_PLACE
        assert violation.at is None or 0 <= violation.at.start < violation.at.stop
