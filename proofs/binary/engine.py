# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks `execute`, in its environment, for formulas of decisions."""

import json
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import z3

from proofs.binary.formula import Code
from proofs.symbolic import Budget, Run

EXECUTE = Path(__file__).with_name("execute.py")
SECONDS = 300
"""Of CPU time that one decision may take."""


class NoFormula(RuntimeError):
    """Why there is no formula of a decision."""


class Engine(AbstractContextManager["Engine"]):
    """A process of angr's. python: that of the environment which has it."""

    def __init__(self, python: Path) -> None:
        command = [str(python), "-P", str(EXECUTE)]  # -P: none of our modules in place of a library's
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def code(self, program: Path, decision: str, asked: int, told: int, bound: Any, merge: bool) -> Code:
        """The decision with its formula. bound: a condition on the words that are asked, which it takes in that order."""
        question = {
            "program": str(program), "decision": decision, "asked": asked, "told": told, "merge": merge, "seconds": SECONDS,
            "bound": _text(bound, asked),
        }  # fmt: skip
        answer = self._ask(question)
        if "error" in answer:
            raise NoFormula(answer["error"])
        return Code(program, decision, answer["paths"], told)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise NoFormula("angr has ended without an answer") from None
        return answer


def _text(bound: Any, asked: int) -> str:
    """A condition as SMT-LIB 2, with each word declared."""
    run = Run(Budget())
    condition = bound(*(run.word(f"asked{number}") for number in range(asked)))
    solver = z3.Solver(ctx=run.budget.context)
    solver.add(condition if isinstance(condition, bool) else condition.expression)
    return str(solver.to_smt2())
