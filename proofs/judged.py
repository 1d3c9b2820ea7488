# SPDX-License-Identifier: GPL-2.0-or-later
"""One obligation judged, as a row of the report: on the reference with its mutants, or with the rules of a release."""

import time
from collections.abc import Mapping
from typing import NamedTuple, TypedDict

from model.defects import REFERENCE, Defect, apply, of_release
from model.guest.kernel import Kernel
from proofs.obligation import Obligation
from proofs.prover import Proof, Rule, Theorem, Verdict, prove
from proofs.release import kernel_of, leads_to, rule_in

NOT_RUN = "NOT RUN"
"""Of a theorem about a rule that a release does not run: it decides in another way, which no obligation is about."""


class Question(NamedTuple):
    """How to judge an obligation. second: with cadical's and bitwuzla's agreement. seed: z3's."""

    release: str = REFERENCE
    seed: int = 0
    second: bool = False


class Mutant(TypedDict):
    """What came of a wrong rule."""

    verdict: str
    counterexample: Mapping[str, int]
    smallest: bool


class Row(TypedDict):
    """What came of an obligation. complaints: why it is not green. defects: those that each lose it to the release."""

    id: str
    sentence: str
    supports: str
    scope: str
    rule: str
    verdict: str
    detail: str
    confirmed: Mapping[str, int]
    complaints: list[str]
    used: Mapping[str, str]
    unused: list[str]
    covers: Mapping[str, Mapping[str, int]]
    counterexample: Mapping[str, int]
    smallest: bool
    defects: list[str]
    mutants: dict[str, Mutant]
    paths: int
    rlimit: int
    seconds: float
    cached: bool


def judge(obligation: Obligation, question: Question) -> Row:
    """Prove it as the question asks."""
    if question.release != REFERENCE:
        return _in_release(obligation, question)
    result = obligation.check(second=question.second, seed=question.seed)
    row = row_of(obligation, result.proof, result.complaints)
    row["mutants"] = {
        name: Mutant(verdict=str(m.verdict), counterexample=m.counterexample, smallest=m.smallest)
        for name, m in result.mutants.items()
    }
    row["rlimit"], row["seconds"] = result.rlimit, result.seconds
    return row


def row_of(obligation: Obligation, proof: Proof, complaints: list[str]) -> Row:
    """A proof as a row."""
    return Row(
        id=obligation.key, sentence=obligation.sentence, supports=obligation.supports, scope=str(obligation.scope),
        rule=obligation.about.__qualname__, verdict=str(proof.verdict), complaints=complaints,
        detail=proof.detail, confirmed=proof.confirmed,
        used=proof.used, unused=list(proof.unused), covers=proof.covers,
        counterexample=proof.counterexample, smallest=proof.smallest, defects=[], mutants={},
        paths=proof.paths, rlimit=proof.rlimit, seconds=0.0, cached=False,
    )  # fmt: skip


def _in_release(obligation: Obligation, question: Question) -> Row:
    """Prove it with the rules of a release, and name the defects that each lose it."""
    began = time.perf_counter()
    kernel = kernel_of(question.release)
    rule = rule_in(kernel, obligation.about)
    if rule is None:
        row = row_of(obligation, Proof(Verdict.UNKNOWN), [])
        row["verdict"] = NOT_RUN
        return row
    proof = _proof(obligation, rule, kernel, question.seed)
    complaints = [] if proof.verdict is Verdict.PROVED else [f"{proof.verdict}: {proof.detail}"]
    row = row_of(obligation, proof, complaints)
    if proof.verdict is Verdict.REFUTED:
        run = leads_to([rule, obligation.body, *vars(obligation.case).values()], kernel)
        suspects = [d for d in of_release(question.release) if d.by in run]
        alone = len(suspects) == 1
        row["defects"] = [d.id for d in suspects if alone or _loses(obligation, d, question.seed)]
    row["seconds"] = time.perf_counter() - began
    return row


def _proof(obligation: Obligation, rule: Rule, kernel: type[Kernel], seed: int) -> Proof:
    return prove(Theorem(obligation.body, obligation.case, rule, covers=False, kernel=kernel, seed=seed))


def _loses(obligation: Obligation, defect: Defect, seed: int) -> bool:
    """Whether the defect alone makes the theorem false."""
    kernel = apply(Kernel, [defect])
    rule = rule_in(kernel, obligation.about)
    return rule is not None and _proof(obligation, rule, kernel, seed).verdict is Verdict.REFUTED
