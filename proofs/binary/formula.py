# SPDX-License-Identifier: GPL-2.0-or-later
"""A decision of a program: as a formula where its words are symbolic, by running the program where they are ints."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import z3

from model.words import Word
from proofs.symbolic import Condition, Run, SymbolicWord

TOLD = 32
"""Words that the program prints. C: MOST_TOLD."""


ASKED = {f"asked{number}" for number in range(16)}
"""What a formula may depend on. C: MOST_ASKED."""


class NoReply(ArithmeticError):
    """The program ends without an answer: a crash, a warning, or what the harness does not supply."""


class Told(NamedTuple):
    """What a decision says. known: whether these inputs take one of the formula's paths; always, when the program runs."""

    words: list[Any]
    known: Any


@dataclass(frozen=True)
class Code:
    """One decision of a program. paths: its formula, each path as SMT-LIB 2 over asked0.. and told0.. ."""

    program: Path
    decision: str
    paths: Sequence[str]
    told: int
    _parsed: dict[Any, list[tuple[Any, list[Any]]]] = field(default_factory=dict, compare=False)

    def decide(self, run: Run | None, asked: Sequence[Any]) -> Told:
        """What the code says when it is asked these words. run: that of the words, None for ints. NoReply."""
        if run is None:
            return Told([Word(word) for word in self.reply([int(word) for word in asked])], True)
        return self._formula(run, asked)

    def reply(self, asked: Sequence[int]) -> list[int]:
        """What the program prints. NoReply if it does not come to an answer."""
        command = [str(self.program), self.decision, *map(str, asked)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise NoReply(f"{self.decision} ends with {done.returncode}")
        return [int(line) for line in done.stdout.split()][: self.told]

    def _formula(self, run: Run, asked: Sequence[Any]) -> Told:
        context = run.budget.context
        place = [
            (z3.BitVec(f"asked{number}", 64, ctx=context), _expression(word, context))
            for number, word in enumerate(asked)
        ]
        words: list[Any] = [z3.BitVecVal(0, 64, ctx=context)] * self.told
        known = []
        for taken, values in self._paths_in(context):
            here = z3.simplify(z3.substitute(taken, *place))
            if z3.is_false(here):
                continue
            known.append(here)
            words = [
                z3.If(here, z3.substitute(value, *place), other) for value, other in zip(values, words, strict=True)
            ]
        answer = [SymbolicWord(z3.simplify(word), run) for word in words]
        return Told(answer, Condition(z3.Or([z3.BoolVal(False, ctx=context), *known]), run))

    def _paths_in(self, context: Any) -> list[tuple[Any, list[Any]]]:
        """The paths as expressions, parsed once for each z3 context."""
        if context not in self._parsed:
            self._parsed.clear()  # one proof, one context
            names = [z3.BitVec(f"told{number}", 64, ctx=context) for number in range(self.told)]
            self._parsed[context] = [_parsed(text, names, context) for text in self.paths]
        return self._parsed[context]


def _expression(word: Any, context: Any) -> Any:
    return word.expression if isinstance(word, SymbolicWord) else z3.BitVecVal(int(word), 64, ctx=context)


def _parsed(text: str, names: list[Any], context: Any) -> tuple[Any, list[Any]]:
    """When a path is taken, and the words that it tells; ValueError where it does not say each of these once."""
    if strange := set(re.findall(r"declare-\w+ ([^ ]+)", text)) - {str(name) for name in names} - ASKED:
        raise ValueError(f"a path depends on {', '.join(sorted(strange))}")
    values: dict[str, Any] = {}
    facts = []
    for fact in z3.parse_smt2_string(text, ctx=context):
        sides = fact.children() if z3.is_eq(fact) else []
        found = [
            (str(n), other) for n in names for side, other in zip(sides, reversed(sides), strict=True) if side.eq(n)
        ]
        if not found:
            facts.append(fact)
        for name, value in found:
            if name in values:
                raise ValueError(f"a path tells {name} twice")
            values[name] = value
    missing = [str(name) for name in names if str(name) not in values]
    if missing:
        raise ValueError(f"a path does not tell {', '.join(missing)}")
    return z3.And([z3.BoolVal(True, ctx=context), *facts]), [values[str(name)] for name in names]
