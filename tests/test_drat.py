# SPDX-License-Identifier: GPL-2.0-or-later
"""The checked refutations: clauses that mean the question, and a wrong proof, or another answer, that is noticed."""

from typing import Any

import pytest
import z3

from model.words import umin
from proofs import drat, second
from proofs.case import Case, Claim
from proofs.prover import Theorem, Verdict, prove

pytestmark = pytest.mark.skipif(not drat.is_installed(), reason="cadical is not installed")

CONTEXT = z3.Context()
A, B = z3.BitVecs("a b", 64, CONTEXT)
IMPOSSIBLE = [z3.ULT(A, 1 << 32), z3.ULT(B, 1 << 32), z3.ULT(A + B, A)]
POSSIBLE = [z3.ULT(A + B, A)]


class Two(Case):
    """Two words."""

    def declare(self) -> None:
        self.a, self.b = self.word("a"), self.word("b")


def smaller_is_no_larger(c: Two) -> Claim:
    """The smaller of two words is at most either."""
    least = c.rule(c.a, c.b)
    return c.claim([], {"equal": c.a == c.b}, (least <= c.a) & (least <= c.b))


THEOREM = Theorem(smaller_is_no_larger, Two, umin, second=True)


def test_a_question_without_solution_is_refuted_and_one_with_a_solution_is_not() -> None:
    assert drat.answer(IMPOSSIBLE, CONTEXT) == "unsat"
    assert drat.answer(POSSIBLE, CONTEXT) == "sat"
    assert drat.answer([z3.BoolVal(False, CONTEXT)], CONTEXT) == "unsat"


def test_variables_are_numbered_without_gaps() -> None:
    head, *lines = drat.clauses_of(POSSIBLE, CONTEXT).splitlines()
    literals = {abs(int(literal)) for line in lines for literal in line.split()} - {0}
    assert literals == set(range(1, len(literals) + 1))
    assert head == f"p cnf {len(literals)} {len(lines)}"


def test_what_is_not_of_bits_is_refused() -> None:
    number = z3.Int("n", CONTEXT)
    with pytest.raises(ValueError, match="more than clauses"):
        drat.clauses_of([number > 3, number * number < 2], CONTEXT)


def test_a_proof_of_something_else_is_refused() -> None:
    clauses = drat.clauses_of(IMPOSSIBLE, CONTEXT)
    said, proof = drat.solve(clauses)
    assert said == "unsat"
    drat.check(clauses, proof)
    for wrong in ("", "0\n", proof.splitlines()[0]):
        with pytest.raises(drat.WrongProof):
            drat.check(clauses, wrong)
    with pytest.raises(drat.WrongProof):
        drat.check(drat.clauses_of(POSSIBLE, CONTEXT), proof)


def test_a_theorem_is_confirmed_twice() -> None:
    proof = prove(THEOREM)
    assert (proof.verdict, proof.detail) == (Verdict.PROVED, "")
    assert proof.confirmed["cadical"] == proof.confirmed["bitwuzla"] > 0


@pytest.mark.parametrize(
    ("cadical", "bitwuzla", "verdict"),
    [
        ("sat", "unsat", Verdict.ERROR),
        ("unsat", "sat", Verdict.ERROR),
        ("unknown", "unsat", Verdict.UNKNOWN),
        ("unknown", "sat", Verdict.ERROR),
    ],
)
def test_a_solver_that_does_not_agree_is_noticed(
    cadical: str, bitwuzla: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drat, "solve", lambda clauses: (cadical, "0\n"))
    if cadical == "unsat":
        monkeypatch.setattr(drat, "check", lambda clauses, proof: None)
    monkeypatch.setattr(second, "answer", lambda text: bitwuzla)
    assert prove(THEOREM).verdict is verdict


def test_a_wrong_proof_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(clauses: Any) -> tuple[str, str]:
        return "unsat", "0\n"

    monkeypatch.setattr(drat, "solve", hasty)
    proof = prove(THEOREM)
    assert proof.verdict is Verdict.ERROR
    assert "WrongProof" in proof.detail


def test_what_bitwuzla_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "answer", lambda text: "unknown")
    proof = prove(THEOREM)
    assert proof.verdict is Verdict.PROVED
    assert proof.detail.startswith("bitwuzla has no answer to ")
    assert proof.confirmed["bitwuzla"] == 0
