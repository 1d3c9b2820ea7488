# SPDX-License-Identifier: GPL-2.0-or-later
"""FINDINGS.md says of each finding on which releases' C it was shown: those whose baselines have it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from conformance.by_hand import BY_HAND
from conformance.qemu.expected import DEVIATIONS
from conformance.qemu.shown import EXAMPLES
from ddwcheck import findings, listed
from ddwcheck.listed import Listed
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
    return {row.id: set(row.releases) for row in ROWS if row.id in BY_HAND} | found


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


def test_the_trace_that_is_taken_is_one_that_the_finding_explains() -> None:
    """F9's words are those of F8 too, F15's those of F2; so the defects behind a trace decide."""
    for name, release in (("F9", "7.3"), ("F13", "6.12"), ("F15", "7.3"), ("F29", "6.1"), ("F1", "7.2")):
        row = next(row for row in ROWS if row.id == name)
        assert findings.explained(row, *findings.best(row, release), release)
    f15 = next(row for row in ROWS if row.id == "F15")
    assert findings.best(f15, "7.3") != findings.kept(f15, "7.3")[0]  # the first is of F2 and F15


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


def test_ctrl_c_keeps_what_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(rows: Sequence[Listed], folder: Path) -> Iterator[findings.Made]:
        yield findings.Made(rows[0], "Linux 9.9, a finding")
        raise KeyboardInterrupt

    monkeypatch.setattr(findings, "_of_kernels", some)
    assert main(["findings", "F1", "F2", "--path", str(ROOT / "FINDINGS.md"), "--out", str(tmp_path)]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert "Linux 9.9" in lines[0] and lines[1].endswith("not generated: interrupted")


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
