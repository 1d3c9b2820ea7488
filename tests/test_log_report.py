# SPDX-License-Identifier: GPL-2.0-or-later
"""What breaks a rule in a log has a folder with the fewest lines that show it, and a page of all; what does not, none."""

from pathlib import Path

import pytest

from ddwcheck import exhibit, log, log_report, page_files
from ddwcheck.log_files import lines
from ddwcheck.main import main
from tests.test_log import BROKEN
from tests.test_record import CREATE, CREATED, LIST, OTHER, PUT, QUERY, REMOVE, line

NOISE = [PUT.format(OTHER, entry << 12 | 3, 0).strip() for entry in range(300)]
MISSING = [QUERY, CREATE, *NOISE, line(LIST), *NOISE, "b0000000-cfffffff : System RAM", "behind it"]
FULL = [QUERY, CREATE, *NOISE, line(LIST), *NOISE, REMOVE.format(CREATED).strip()]
REPORT = ("What is wrong", "First difference", "Effect", "What it takes", "Lines", "How a running system gets there",
          "What that assumes", "Class: undecided", "Found by: ddwcheck log", "Replay: ddwcheck log")  # fmt: skip


def write(where: Path, *text: str) -> str:
    path = where / "a.log"
    path.write_text("".join(f"{line}\n" for line in text))
    return str(path)


def folder_of(where: Path) -> Path:
    (folder,) = (path for path in where.iterdir() if path.is_dir())
    return folder


@pytest.mark.parametrize(
    ("text", "invariant", "left"),
    [
        (FULL, "window-empty-at-removal", 4),
        (MISSING, "ram-covered", 5),
        (BROKEN["other device's address"][0], "try 1", 1),
    ],
    ids=["full", "missing", "kernel"],
)
def test_a_broken_rule_is_shown_by_the_fewest_lines(
    text: list[str], invariant: str, left: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = write(tmp_path, *text), tmp_path / "out"
    assert main(["log", path, "--out", str(out)]) == 1
    said = capsys.readouterr().out
    folder = folder_of(out)
    assert str(folder / "report.txt") in said and said.splitlines()[-1] == str(out / "index.html")
    kept = (folder / "lines.log").read_text().splitlines()
    assert len(kept) == left and set(kept) <= set(text)
    report = (folder / "report.txt").read_text()
    assert all(f"\n{part}" in report for part in REPORT) and "Needed, each by itself: line " in report
    assert main(["log", str(folder / "lines.log")]) == 1  # they show it by themselves
    leaf = page_files.leaf(folder)
    assert leaf.exhibit.invariant.endswith(invariant) and leaf.exhibit.kind == exhibit.UNDECIDED
    assert len(leaf.exhibit.finding.maps) == (0 if invariant == "try 1" else left + 1)
    assert (folder / "windows.svg").exists() == bool(leaf.exhibit.finding.maps)
    assert (out / "index.html").read_text().count('<details class="finding"') == 1


def test_what_is_missing_is_not_shown_by_leaving_out_what_was_there(tmp_path: Path) -> None:
    assert main(["log", write(tmp_path, *MISSING), "--out", str(tmp_path / "out")]) == 1
    folder = folder_of(tmp_path / "out")
    assert line(LIST) in (folder / "lines.log").read_text()
    assert "All lines of that window are kept" in (folder / "report.txt").read_text()


def test_where_there_is_no_time_nothing_is_said_to_be_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddwcheck.log_report.MOST_SECONDS", -1.0)
    assert main(["log", write(tmp_path, *FULL), "--out", str(tmp_path / "out")]) == 1
    folder = folder_of(tmp_path / "out")
    assert len((folder / "lines.log").read_text().splitlines()) == len(FULL)
    report = (folder / "report.txt").read_text()
    assert "Needed, each by itself: nothing that was tried" in report
    assert f"Not tried, for want of time: {len(FULL)} parts" in report


def test_a_log_that_holds_has_a_page_and_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["log", "tests/vectors/dmesg/powervm-nvme-2m-direct.log", "--out", str(out)])
    assert {path.name for path in out.iterdir()} == {"index.html", "summary.json"}
    ran = page_files.summary(out / "summary.json")
    assert ran.sentences and not ran.broken


def test_without_its_lines_a_folder_is_no_counterexample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["log", write(tmp_path, *FULL), "--out", str(tmp_path / "out")])
    folder = folder_of(tmp_path / "out")
    capsys.readouterr()
    assert main(["page", str(folder)]) == 0
    (folder / "lines.log").unlink()
    capsys.readouterr()
    assert main(["page", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "lines.log" in err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, *FULL)
    for out in (f"{path}/x", "a\0b"):
        assert main(["log", path, "--out", out]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_only_the_same_line_in_the_same_words_is_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, *FULL)
    (found,) = log.findings_in(path, list(lines(path)))
    assert log_report.same(found, found)
    without = log.findings_in(path, [one for one in lines(path) if "ddw_query" not in one[1]])
    assert not any(log_report.same(one, found) for one in without if "create without a query" in one.message)
