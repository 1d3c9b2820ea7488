# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong rule is caught by the invariant it names, with what the `ci` profile draws."""

from itertools import product

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from model.defects import Defect, apply, catalogue
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.invariants import INVARIANTS
from model.run import InvariantBroken
from properties.machine import SHARDS, machine_of, seeded
from properties.settings import CI
from tests.known_bad import mutants

WRONG = {**catalogue(), **mutants()}


def hunt(defect: Defect) -> tuple[set[str], int]:
    """Run the shards of the main job until one catches the defect: the broken invariants, and the steps it took.

    First the beginning of each shard, then the whole of each: most wrong rules show early in one of them.
    """
    steps = 0
    for examples, shard in product((CI.max_examples // 10, CI.max_examples), SHARDS):
        machine = seeded(machine_of(*shard, apply(Kernel, [defect]), apply(Papr, [defect])), shard)
        try:
            run_state_machine_as_test(machine, settings=settings(CI, max_examples=examples, phases=[Phase.generate]))
        except InvariantBroken as broken:
            return {violation.invariant for violation in broken.violations}, steps + machine.tally.steps
        steps += machine.tally.steps
    return set(), steps


def test_every_invariant_has_a_wrong_rule_that_breaks_it() -> None:
    assert {defect.breaks for defect in WRONG.values()} == set(INVARIANTS)


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_rule_is_caught_by_its_invariant(name: str) -> None:
    broken, steps = hunt(WRONG[name])
    assert WRONG[name].breaks in broken, f"{steps} steps broke {sorted(broken) or 'nothing'}"
