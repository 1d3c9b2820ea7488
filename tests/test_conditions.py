# SPDX-License-Identifier: GPL-2.0-or-later
"""The general conditions that reports quote are theorems about the wrong rules, which the right ones refute."""

import os

import pytest

from model.defects import catalogue
from proofs.conditions import CONDITIONS, condition_of
from proofs.prover import Theorem, Verdict, prove

ALL = os.environ.get("DDWCHECK_CONDITIONS") == "all"
"""For each I/O page that LoPAR knows; else, where each is a case of its own, for three of them."""


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_condition_is_proved_of_the_wrong_rule_and_refuted_of_the_right_one(name: str) -> None:
    condition = CONDITIONS[name]
    assert catalogue()[name].by is condition.wrong and catalogue()[name].replaces is condition.right
    for case in condition.cases if ALL else condition.cases[::4]:
        proof = prove(Theorem(condition.body, case, condition.wrong))
        assert proof.verdict is Verdict.PROVED, proof
    assert prove(Theorem(condition.body, condition.cases[0], condition.right, covers=False)).verdict is Verdict.REFUTED


def test_where_there_are_other_causes_too_the_condition_says_of_which_it_is() -> None:
    alone = condition_of(["premap-rounds-down"])
    assert alone.startswith("whenever a range of RAM ends inside an I/O page")
    assert (
        condition_of(["limit-whenever-direct", "premap-rounds-down"])
        == f"as far as premap-rounds-down is behind it, {alone}"
    )
    assert condition_of(["window-rounds-up", "premap-rounds-down"]).count("as far as ") == 2
    assert condition_of(["set-ignores-errors"]) == condition_of([]) == ""
