# SPDX-License-Identifier: GPL-2.0-or-later
"""A third opinion: cadical refutes the clauses of what z3 has found to have no solution, and dratify checks its proof.

The proof speaks of the clauses. That they are those of the question rests on z3's rewriting and bit-blasting; bitwuzla,
which has its own, is asked the question itself.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cdclkit_native
import dratify
import z3

SECONDS = 600
"""For cadical, each question; most need a few, and not every theorem has been tried."""

TACTICS = ("simplify", "propagate-values", "solve-eqs", "bit-blast", "aig", "tseitin-cnf")
"""From words to clauses; `aig` shares what adders have in common, so that proofs are a third as long."""

SATISFIABLE, UNSATISFIABLE = 10, 20
"""cadical's exit codes."""

dratify.register_native(cdclkit_native)


class WrongProof(Exception):
    """A proof that does not show what it should."""


def is_installed() -> bool:
    """Whether there is a cadical to ask."""
    return shutil.which("cadical") is not None


def answer(conditions: Sequence[Any], context: Any) -> str:
    """sat, unsat with a proof that was checked, or unknown where cadical's time is over. WrongProof if it is none."""
    clauses = clauses_of(conditions, context)
    said, proof = solve(clauses)
    if said == "unsat":
        check(clauses, proof)
    return said


def clauses_of(conditions: Sequence[Any], context: Any) -> str:
    """The question whether all conditions can hold together, in DIMACS. ValueError if it is not one of bits alone."""
    goal = z3.Goal(ctx=context)
    goal.add(*conditions)
    (blasted,) = z3.Then(*TACTICS, ctx=context)(goal)
    if blasted.inconsistent():
        return "p cnf 0 1\n0\n"
    if z3.Probe("is-propositional", ctx=context)(blasted) != 1.0:
        raise ValueError("z3 leaves more than clauses")
    numbers: dict[str, str] = {"0": "0"}  # z3 numbers variables with gaps, beyond the number that it announces
    lines = [
        " ".join(
            "-" * literal.startswith("-") + numbers.setdefault(literal.lstrip("-"), str(len(numbers)))
            for literal in line.split()
        )
        for line in blasted.dimacs(False).splitlines()[1:]
    ]
    return "\n".join([f"p cnf {len(numbers) - 1} {len(lines)}", *lines, ""])


def solve(clauses: str) -> tuple[str, str]:
    """What cadical says, and its proof."""
    with TemporaryDirectory() as folder:
        question, proof = Path(folder, "question.cnf"), Path(folder, "proof.drat")
        question.write_text(clauses)
        command = ["cadical", "-q", "-n", "--no-binary", "-t", str(SECONDS), str(question), str(proof)]
        code = subprocess.run(command, capture_output=True, check=False).returncode
        if code == UNSATISFIABLE:
            return "unsat", proof.read_text()
        return ("sat" if code == SATISFIABLE else "unknown"), ""


def check(clauses: str, proof: str) -> None:
    """WrongProof unless each step of the proof follows and the last is the contradiction."""
    result = dratify.check_proof(dratify.parse_dimacs(clauses), proof, engine="native")
    if not (result.ok and result.reached_empty):
        raise WrongProof(f"dratify refuses cadical's proof: {result}")
