# SPDX-License-Identifier: GPL-2.0-or-later
"""Obligations: one theorem about one rule, and the mutants of the rule that it must tell from the right one."""

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from model.invariants.registry import INVARIANTS
from proofs.case import Case, Claim
from proofs.prover import Proof, Rule, Theorem, Verdict, prove
from proofs.symbolic import RLIMIT


class Scope(StrEnum):
    """What a theorem speaks of, in the README's words."""

    BOUNDED = "bounded"
    INPUTS = "for all inputs"
    SEQUENCES = "over unbounded sequences"


@dataclass(frozen=True)
class Result:
    """An obligation's proof, that of each mutant by name, and the seconds all took."""

    proof: Proof
    mutants: Mapping[str, Proof]
    seconds: float

    @property
    def complaints(self) -> list[str]:
        """Why the obligation is not green, one text each; empty if it is."""
        found = []
        if self.proof.verdict is not Verdict.PROVED:
            found.append(f"{self.proof.verdict}: {self.proof.detail}")
        found += [f"the proof goes through without the assumption {name}" for name in self.proof.unused]
        for name, mutant in self.mutants.items():
            if mutant.verdict is not Verdict.REFUTED:
                found.append(f"mutant {name} must be REFUTED, is {mutant.verdict} {mutant.detail}".rstrip())
        return found

    @property
    def rlimit(self) -> int:
        """z3 resource units used in all."""
        return sum(proof.rlimit for proof in (self.proof, *self.mutants.values()))


@dataclass(frozen=True)
class Obligation:
    """What `body` claims holds for the rule `about` on all inputs, and is false for each mutant on some."""

    body: Callable[[Any], Claim]
    case: type[Case]
    supports: str
    about: Rule
    mutants: tuple[Rule, ...]
    scope: Scope = Scope.INPUTS

    @property
    def key(self) -> str:
        """File and function, as in its test id."""
        return f"{Path(self.body.__code__.co_filename).name}::{self.body.__name__}"

    @property
    def sentence(self) -> str:
        """The theorem in words."""
        return " ".join((self.body.__doc__ or "").split())

    def check(self, rlimit: int = RLIMIT, second: bool = False, seed: int = 0) -> Result:
        """Prove it and refute its mutants. rlimit: z3 resource units for each of these. second: with bitwuzla, too.
        seed: z3's.
        """
        began = time.perf_counter()
        proof = prove(Theorem(self.body, self.case, self.about, second=second, seed=seed), rlimit)
        wrong = (Theorem(self.body, self.case, mutant, covers=False, seed=seed) for mutant in self.mutants)
        mutants = {theorem.rule.__name__: prove(theorem, rlimit) for theorem in wrong}
        return Result(proof, mutants, time.perf_counter() - began)


REGISTRY: dict[str, Obligation] = {}
"""All obligations of the modules imported so far, by key."""


def everything() -> dict[str, Obligation]:
    """All obligations that are written, by key."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f"{__package__}.{file.stem}")
    return REGISTRY


def obligation(
    supports: str, about: Rule, mutant: Rule | tuple[Rule, ...], scope: Scope = Scope.INPUTS
) -> Callable[[Callable[[Any], Claim]], Obligation]:
    """Register a theorem about a rule; the type of its parameter `c` is the case it runs in, its docstring says it.

    supports: id of the invariant that rests on it; LookupError if there is none. mutant: one or more wrong rules;
    ValueError if there is none, or the right one is among them. scope: what the theorem speaks of.
    """

    def register(body: Callable[[Any], Claim]) -> Obligation:
        mutants = mutant if isinstance(mutant, tuple) else (mutant,)
        made = Obligation(body, get_type_hints(body)["c"], supports, about, mutants, scope)
        if supports not in INVARIANTS:
            raise LookupError(f"{made.key} supports {supports}, which is no invariant")
        if not mutants or about in mutants or len({m.__name__ for m in mutants}) < len(mutants):
            raise ValueError(f"{made.key} needs mutants, each with a name of its own and none of them its rule")
        known = REGISTRY.get(made.key)
        if known is not None and known.body.__code__.co_firstlineno != body.__code__.co_firstlineno:
            raise ValueError(f"{made.key} is defined twice")
        REGISTRY[made.key] = made
        return made

    return register
