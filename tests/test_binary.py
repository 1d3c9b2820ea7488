# SPDX-License-Identifier: GPL-2.0-or-later
"""Theorems about compiled code: what is judged here of a formula from elsewhere, on one that is made up."""

import json
from pathlib import Path
from typing import Any

import pytest

from ddwcheck import binary
from ddwcheck.main import main
from model.words import select, word
from proofs.binary.comparison import COMPARISONS, CodeCase
from proofs.binary.engine import Engine, NoFormula
from proofs.binary.formula import Code
from proofs.case import Claim, assumption
from proofs.prover import Proof, Theorem, Verdict, prove

HEAD = "(declare-const asked0 (_ BitVec 64)) (declare-const told0 (_ BitVec 64))"
BELOW = f"{HEAD} (assert (bvult asked0 #x000000000000000a)) (assert (= told0 (bvlshr asked0 #x0000000000000001)))"
ABOVE = f"{HEAD} (assert (bvuge asked0 #x000000000000000a)) (assert (= #x0000000000000005 told0))"
BOTH = (BELOW, ABOVE)
"""Half of a number, but at most 5."""


class Numbers(CodeCase):
    def declare(self) -> None:
        self.number = self.word("number")

    @assumption
    def is_small(self) -> Any:
        """The number is small."""
        return self.number < 100


def half(number: Any) -> Any:
    return select(number < 10, number >> 1, word(5))


def half_of_ten_too(number: Any) -> Any:
    return select(number < 12, number >> 1, word(5))  # 10 and 11 have that half: no difference


def a_quarter(number: Any) -> Any:
    return number >> 2


def is_the_rule(c: Numbers) -> Claim:
    told = c.asks(c.number)
    return c.claim(
        assume=[c.is_small],
        cover={"below": c.number < 10, "above": c.number == 50},
        goal=told.known & (told.words[0] == c.rule(c.number)),
    )


def judged(folder: Path, paths: tuple[str, ...], rule: Any = half, most: int = 5) -> Proof:
    """A proof about these paths and a program that answers at most `most`."""
    program = folder / "program"
    program.write_text(f'#!/bin/sh\n[ "$1" = half ] || exit 3\nn=$(($2 / 2))\n[ $n -gt {most} ] && n={most}\necho $n\n')
    program.chmod(0o700)
    case = type("Case", (Numbers,), {"code": Code(program, "half", paths, 1)})
    return prove(Theorem(is_the_rule, case, rule, covers=rule is half))


def test_code_that_is_the_rule_is_proved_and_another_rule_refuted(tmp_path: Path) -> None:
    assert judged(tmp_path, BOTH).verdict is Verdict.PROVED
    assert judged(tmp_path, BOTH, half_of_ten_too).verdict is Verdict.PROVED
    refuted = judged(tmp_path, BOTH, a_quarter)
    assert (refuted.verdict, dict(refuted.counterexample)) == (Verdict.REFUTED, {"number": 2})


@pytest.mark.parametrize("paths", [(BELOW,), (ABOVE,), ()])
def test_a_formula_that_leaves_inputs_out_proves_nothing(tmp_path: Path, paths: tuple[str, ...]) -> None:
    assert judged(tmp_path, paths).verdict in {Verdict.ERROR, Verdict.VACUOUS}


def test_a_formula_that_is_not_the_program_proves_nothing(tmp_path: Path) -> None:
    proof = judged(tmp_path, BOTH, most=4)
    assert proof.verdict is Verdict.ERROR and "is not covered by: above" in proof.detail


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (ABOVE + "(declare-const mem_7 (_ BitVec 64)) (assert (= mem_7 asked0))", "depends on mem_7"),
        (ABOVE + "(assert (= told0 asked0))", "tells told0 twice"),
        (HEAD, "does not tell told0"),
    ],
)
def test_a_path_that_says_anything_else_is_an_error(tmp_path: Path, path: str, why: str) -> None:
    proof = judged(tmp_path, (BELOW, path))
    assert proof.verdict is Verdict.ERROR and why in proof.detail


def engine(folder: Path, line: str) -> Engine:
    """An engine whose Python answers each question with that line."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\nread question\necho '{line}'\n")
    python.chmod(0o700)
    return Engine(python)


def test_what_has_no_formula_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line, why in ((json.dumps({"error": "not done after 300 s"}), "not done"), ("", "without an answer")):
        with engine(tmp_path, line) as asked, pytest.raises(NoFormula, match=why):
            asked.code(tmp_path, "half", 1, 1, lambda number: number < 100, False)
    monkeypatch.setattr(binary, "Engine", lambda _: engine(tmp_path, json.dumps({"error": "too many"})))
    one = next(iter(COMPARISONS.values()))
    (row,) = binary.judged([(one, "7.3")], {"7.3": tmp_path}, "")
    assert (row.verdict, row.detail, row.judgement.value) == (Verdict.ERROR, "too many", 3)


def test_every_comparison_says_what_it_is_about() -> None:
    for one in COMPARISONS.values():
        assert one.sentence.endswith(".") and one.wrong and one.releases


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--python", "no/such"], "no/such: no Python of an environment with angr"),
        (["no_such_decision"], "no comparison is called no_such_decision"),
        (["--release", "5.0"], "--release 5.0 is not one of 6.1, 6.12, 7.2, 7.3"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["binary", *arguments]) == 2
    shown = capsys.readouterr()
    assert why in shown.err and len(shown.err.splitlines()) == 1 and not shown.out
