# SPDX-License-Identifier: GPL-2.0-or-later
"""The general conditions that reports quote are theorems about the wrong rules, which the right ones refute."""

import pytest

from model.defects import catalogue
from proofs.conditions import CONDITIONS, condition_of
from proofs.prover import Theorem, Verdict, prove


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_condition_is_proved_of_the_wrong_rule_and_refuted_of_the_right_one(name: str) -> None:
    condition = CONDITIONS[name]
    assert catalogue()[name].by is condition.wrong and catalogue()[name].replaces is condition.right
    for case in condition.cases:
        proof = prove(Theorem(condition.body, case, condition.wrong))
        assert proof.verdict is Verdict.PROVED, proof
    assert prove(Theorem(condition.body, condition.cases[0], condition.right, covers=False)).verdict is Verdict.REFUTED


def test_a_finding_with_other_causes_too_has_no_general_condition() -> None:
    assert condition_of(["premap-rounds-down"]).startswith("whenever a range of RAM ends inside an I/O page")
    assert condition_of(["premap-rounds-down", "limit-whenever-direct"]) == ""
    assert condition_of(["set-ignores-errors"]) == condition_of([]) == ""
