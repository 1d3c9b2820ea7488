# SPDX-License-Identifier: GPL-2.0-or-later
"""A second opinion: bitwuzla on the SMT-LIB 2 text of what z3 has found to have no solution."""

from collections.abc import Sequence
from typing import Any

import bitwuzla
import z3

MILLISECONDS = 60_000
"""For each question. Most need less than a second; the theorems with one that needs more are told by their verdict."""

PRELUDE = """\
(set-logic QF_BV)
(define-fun bvumul_noovfl ((a (_ BitVec 64)) (b (_ BitVec 64))) Bool (not (bvumulo a b)))
"""
"""What z3 prints under a name of its own, in SMT-LIB 2.7's words."""


class Disagreement(Exception):
    """The second solver finds a solution where z3 found none; the text is the question."""


def text_of(conditions: Sequence[Any], context: Any) -> str:
    """The question whether all conditions can hold together, as SMT-LIB 2."""
    solver = z3.Solver(ctx=context)
    for condition in conditions:
        solver.add(condition)  # one by one: z3 prints a one-armed `and`, which others refuse
    return PRELUDE + str(solver.sexpr())


def answer(text: str) -> str:
    """What bitwuzla says: sat, unsat, or unknown where its time is over."""
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, MILLISECONDS)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
    parser.parse(text, False, False)
    return str(parser.bitwuzla().check_sat())
