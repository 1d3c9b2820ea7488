# SPDX-License-Identifier: GPL-2.0-or-later
"""The README is true: its tables are what the code says, and its commands do what it says."""

import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ddwcheck import readme
from ddwcheck.main import main
from ddwcheck.readme import generated
from model.profiles import Choices
from model.silent import SILENCES
from proofs.obligation import Scope, everything

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    ddwcheck (.*)$", README, re.M)
COUNTEREXAMPLES = {"replay tests/vectors/split-unmap-leak"}


def test_the_generated_tables_are_what_the_code_says() -> None:
    assert generated(README) == README


def test_the_table_of_invariants_tells_what_a_theorem_speaks_of(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [o for o in everything().values() if o.supports == "route-agrees"][:3]
    scopes = (Scope.SEQUENCES, Scope.INPUTS, Scope.INPUTS)
    given = {o.key: replace(o, scope=scope) for o, scope in zip(known, scopes, strict=True)}
    monkeypatch.setattr(readme, "everything", lambda: given)
    rows = {line.split("`")[1]: line.split(" | ")[-1] for line in readme.invariants().splitlines()[2:]}
    assert rows["route-agrees"] == "2 for all inputs, 1 over unbounded sequences |"
    assert {rest for id, rest in rows.items() if id != "route-agrees"} == {"nowhere |"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_readme_runs(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)) == (1 if command in COUNTEREXAMPLES else 0)
    shown = capsys.readouterr()
    assert shown.out and not shown.err


def test_each_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_a_readme_that_is_not_true_is_said_to_be_so(tmp_path: Path) -> None:
    old = tmp_path / "README.md"
    old.write_text("<!-- generated: profiles -->\nold\n<!-- end -->\n")
    assert main(["readme", "--path", str(old)]) == 1
    assert main(["readme", "--path", str(old), "--write"]) == 0
    assert main(["readme", "--path", str(old)]) == 0


@pytest.mark.parametrize("text", [None, "<!-- generated: nothing -->\n<!-- end -->\n"])
def test_a_readme_that_cannot_be_checked_is_bad_input(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "README.md"
    if text is not None:
        path.write_text(text)
    assert main(["readme", "--path", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_silent_point_is_answered_and_every_choice_belongs_to_one() -> None:
    assert [s.number for s in SILENCES] == [f"A{n}" for n in range(1, 25)]
    told = " ".join(f"{s.choice} {s.reading}" for s in SILENCES)
    assert all(re.search(rf"\b{name}\b", told) for name in Choices.__slots__)
    assert all(s.choice in ("", *Choices.__slots__) for s in SILENCES)


def test_every_file_names_its_licence() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in files if name != "LICENSE" and not name.startswith("tests/vectors/")]
    assert ours
    assert [n for n in ours if "SPDX-License-Identifier: GPL-2.0-or-later" not in (ROOT / n).read_text()] == []
