# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong rule is caught by the invariant it names, with what the `ci` profile draws.

Those that name none do no harm by themselves; conformance/test_agreement.py shows that each of them is needed.
"""

from itertools import product

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from model.defects import Defect, apply, catalogue
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.invariants import INVARIANTS, Violation
from model.invariants.registry import GUEST_CRASH
from model.run import InvariantBroken
from properties.machine import SHARDS, machine_of, seeded
from properties.settings import CI
from tests.known_bad import mutants

WRONG = {name: defect for name, defect in (catalogue() | mutants()).items() if defect.breaks is not None}


AT_A_PLACE = {
    "window-empty-at-removal", "no-dead-liobn", "no-write-outside", "map-fails-clean", "route-agrees", "handle-in-mask",
    "mapping-translates", "mappings-disjoint", "unmap-releases", "bitmap-matches-tces", "regions-disjoint", "ram-covered",
    "direct-maps-only-ram",
}  # fmt: skip
"""Invariants whose violations are always somewhere on the bus."""


def hunt(defect: Defect) -> tuple[list[Violation], int]:
    """Run the shards of the main job until the invariant that the defect names is broken: all that broke, and the steps.

    First the beginning of each shard, then the whole of each: most wrong rules show early in one of them. What breaks
    before may be another invariant, where the rule does more than one thing wrong: then the next shard is tried.
    """
    found, steps = list[Violation](), 0
    for examples, shard in product((CI.max_examples // 10, CI.max_examples), SHARDS):
        machine = seeded(machine_of(*shard, apply(Kernel, [defect]), apply(Papr, [defect])), shard)
        try:
            run_state_machine_as_test(machine, settings=settings(CI, max_examples=examples, phases=[Phase.generate]))
        except InvariantBroken as broken:
            found += broken.violations
        steps += machine.tally.steps
        if any(violation.invariant == defect.breaks for violation in found):
            break
    return found, steps


def test_every_invariant_has_a_wrong_rule_that_breaks_it() -> None:
    assert {defect.breaks for defect in WRONG.values()} - {GUEST_CRASH} == set(INVARIANTS)


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_rule_is_caught_by_its_invariant(name: str) -> None:
    violations, steps = hunt(WRONG[name])
    broken = {violation.invariant for violation in violations}
    assert WRONG[name].breaks in broken, f"{steps} steps broke {sorted(broken) or 'nothing'}"
    for violation in violations:
        assert violation.at is not None or violation.invariant not in AT_A_PLACE
        assert violation.at is None or 0 <= violation.at.start < violation.at.stop
