# SPDX-License-Identifier: GPL-2.0-or-later
"""FINDINGS.md says of each finding on which releases' C it was shown: those whose baselines have it."""

import re
from pathlib import Path

import pytest

from conformance.by_hand import BY_HAND
from conformance.qemu.expected import DEVIATIONS
from conformance.qemu.shown import EXAMPLES
from ddwcheck import findings, listed
from ddwcheck.main import main
from model.defects import RELEASES, catalogue

ROOT = Path(__file__).parent.parent
ROWS = listed.read(ROOT / "FINDINGS.md")


def shown() -> dict[str, set[str]]:
    """By a baseline or, where no baseline has one, by a trace of its own, which the conformance tests run."""
    found: dict[str, set[str]] = {}
    for release in RELEASES:
        for known in findings.baseline_of(release).values():
            for name in re.findall(r"F\d+", known.explained):
                found.setdefault(name, set()).add(release)
    own = {row.id: set(row.releases) for row in ROWS if row.id in BY_HAND}
    assert not set(found) & set(own)
    return found | own


def test_every_line_of_the_tables_is_read() -> None:
    text = (ROOT / "FINDINGS.md").read_text()
    assert [row.id for row in ROWS] == re.findall(r"^\| ([FQ]\d+) \|", text, re.M)
    assert len([row for row in ROWS if row.rule]) == len(DEVIATIONS)
    assert all(row.told and row.function and not re.search("[`*]", row.told) for row in ROWS)


def test_each_finding_is_claimed_for_the_releases_that_showed_it() -> None:
    assert {row.id: set(row.releases) for row in ROWS if not row.rule} == shown()


def test_the_defects_of_a_finding_are_known() -> None:
    assert all(set(row.defects) <= set(catalogue()) for row in ROWS)


def test_each_finding_has_a_trace_for_each_release_or_calls() -> None:
    for row in ROWS:
        assert all(findings.kept(row, release) for release in row.releases)
        assert (row.id in EXAMPLES) == bool(row.rule)
        assert not row.rule or EXAMPLES[row.id].rule.__name__ == row.rule


def test_of_several_traces_the_one_that_shows_nothing_else_is_taken() -> None:
    for row in ROWS:
        for release in () if row.id in BY_HAND else row.releases:
            entries = {
                name: re.findall(r"F\d+", known.explained) for name, known in findings.baseline_of(release).items()
            }
            name, trace = findings.kept(row, release)[0]
            assert trace == findings.baseline_of(release)[name].trace and row.id in entries[name]
            assert len(entries[name]) == min(len(names) for names in entries.values() if row.id in names)


def test_where_nothing_is_installed_it_is_said_of_each_and_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = ["findings", "--path", str(ROOT / "FINDINGS.md"), "--out", str(tmp_path / "out")]
    assert main(command) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"0 of {len(ROWS)} findings have their folder"
    assert [line.split()[0] for line in lines[:-1]] == [row.id for row in ROWS]
    assert "not generated: the source of 6.12 is not here: ddwcheck sources 6.12" in lines[0]
    assert "not generated: qemu-system-ppc64" in lines[-2]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["F999"], ["--path", "/nonexistent"], ["--path", "LICENSE"], ["--out", "/dev/null/x"]], ids=str
)
def test_bad_usage_is_one_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["findings", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_two_findings_of_one_id_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "FINDINGS.md").read_text()
    (tmp_path / "twice.md").write_text(text.replace("| F2 |", "| F1 |"))
    assert main(["findings", "--path", str(tmp_path / "twice.md"), "--out", str(tmp_path / "out")]) == 2
    assert "two findings have one id" in capsys.readouterr().err
