# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands as a kernel developer gives them."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.edits import SLIPS
from conformance.kernel.tree import PARTS
from conformance.survey import Survey, explore
from ddwcheck.main import main
from ddwcheck.page_files import leaf, summary
from properties.machine import SHARDS
from tests import ktap

WRONG = SLIPS["RAM is mapped without the right to write"]


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git work tree whose last change is a wrong line, not committed."""
    original, root = tree_of(RELEASES[-1]).root, tmp_path_factory.mktemp("linux")
    for part in PARTS:
        if (original / part).is_dir():
            shutil.copytree(original / part, root / part)
        else:
            shutil.copy(original / part, root / part)
    git = ["git", "-C", str(root), "-c", "user.name=nobody", "-c", "user.email=nobody"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "the original"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    file = root / WRONG.file
    at = file.read_text().index(WRONG.old, file.read_text().index(WRONG.after))
    file.write_text(file.read_text()[:at] + WRONG.new + file.read_text()[at + len(WRONG.old) :])
    return root


def test_what_a_change_breaks_is_said_and_can_be_replayed(
    work_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kernel", str(work_tree), "--since", "HEAD", "--time", "16", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "added        1  ram-covered" in said
    folder = next(folder for folder in tmp_path.iterdir() if "ram-covered" in folder.name)
    assert said.splitlines()[-1] == str(tmp_path / "index.html") and str(folder / "report.txt") in said
    page, ran = (tmp_path / "index.html").read_text(), summary(tmp_path / "summary.json")
    assert page.count('<details class="finding"') == sum(path.is_dir() for path in tmp_path.iterdir())
    assert "ram-covered" in ran.broken and ran.checks["ram-covered"] > 0 and "left out" in ran.open
    assert "tce_setrange_multi_pSeriesLP()" in leaf(folder).exhibit.functions
    report = (folder / "report.txt").read_text()
    assert "tce_setrange_multi_pSeriesLP() iommu.c:" in report
    assert all(len(line) <= 75 or str(folder) in line for line in report.splitlines())  # a path is not cut
    assert main(["replay", str(folder), "--tree", str(work_tree)]) == 1
    assert "VIOLATED ram-covered" in capsys.readouterr().out
    assert main(["replay", str(folder)]) == 2


def test_a_campaign_that_is_interrupted_keeps_its_page_and_is_not_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(survey: Survey, _seconds: float, number: int, _tell: Callable[[], None]) -> None:
        explore(survey, SHARDS[0], number, examples=3)
        raise KeyboardInterrupt

    monkeypatch.setattr("ddwcheck.kernel.rounds", stopped)
    tree = str(tree_of(RELEASES[-1]).root)
    assert main(["kernel", tree, "--against", tree, "--time", "0", "--out", str(tmp_path)]) == 3
    assert "interrupted" in capsys.readouterr().out
    ran = summary(tmp_path / "summary.json")
    assert ran.open == "interrupted" and sum(ran.checks.values()) > 0
    assert "Not conclusive: interrupted." in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("revision", ["HEAD^", "no-such-revision"])
def test_a_revision_that_is_not_there_is_bad_input(
    work_tree: Path, revision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kernel", str(work_tree), "--since", revision, "--time", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_tree_that_does_not_build_is_bad_input(work_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = work_tree / "arch/powerpc/kernel/dma-iommu.c"
    before = file.read_text()
    file.write_text(before + "\nint a_line_that_is_not_c(;\n")
    try:
        assert main(["kernel", str(work_tree), "--time", "1"]) == 2
    finally:
        file.write_text(before)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "dma-iommu.c" in said


KNOWN = ("--baseline", str(Path(__file__).parent / f"baseline-{RELEASES[-1]}.json"), "--time", "4")


def test_what_the_baseline_knows_is_at_lines_of_the_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree_of(RELEASES[-1]).root
    assert main(["kernel", str(root), *KNOWN, "--out", str(tmp_path), "--format", "sarif"]) == 0
    run = json.loads(capsys.readouterr().out)["runs"][0]
    known = [result for result in run["results"] if result["baselineState"] == "unchanged"]
    assert len(known) > 50 and all(result["level"] == "note" for result in known)
    for result in known:
        (location,) = result["locations"]
        physical, (logical,) = location["physicalLocation"], location["logicalLocations"]
        lines = (root / physical["artifactLocation"]["uri"]).read_text().splitlines()
        upto = "\n".join(lines[: physical["region"]["startLine"] + 1])
        assert f"{logical['name']}(" in upto  # the line is in the function or at its head


def test_what_the_baseline_knows_is_an_expected_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = str(tree_of(RELEASES[-1]).root)
    assert main(["kernel", tree, *KNOWN, "--out", str(tmp_path), "--format", "ktap"]) == 0
    results = {result.name: result for result in ktap.read(capsys.readouterr().out)}
    assert all(result.passed for result in results.values())
    assert results["ram-covered"].directive == "XFAIL" and "F2" in results["ram-covered"].data
    assert results["mappings-disjoint"].directive == ""


def interrupted(tmp_path: Path, *arguments: str, when: str) -> tuple[int, str]:
    """Exit code and output of the command when the user presses Ctrl-C as soon as the progress line says `when`."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ddwcheck.main", *arguments, "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=theirs, text=True, start_new_session=True,
        env=os.environ | {"COLUMNS": "200", "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(theirs)
        seen, deadline = "", time.monotonic() + 200
        while not re.search(when, seen):
            assert time.monotonic() < deadline, seen
            seen = (seen + os.read(ours, 1 << 16).decode(errors="replace"))[-4000:]
        os.killpg(process.pid, signal.SIGINT)
        unread = Thread(target=_drain, args=(ours,), daemon=True)
        unread.start()
        out, _ = process.communicate(timeout=200)
    unread.join()
    os.close(ours)
    return process.returncode, out


def _drain(terminal: int) -> None:
    """Read what is written to a terminal until nobody writes any more, so that no writer waits."""
    with suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


def test_an_interrupted_search_keeps_what_was_found(tmp_path: Path) -> None:
    tree = str(tree_of(RELEASES[-1]).root)
    code, out = interrupted(tmp_path, "kernel", tree, "--time", "300", when="[1-9][0-9]* new")
    assert code == 1 and "interrupted: the findings so far" in out
    reports = [line for line in out.splitlines() if line.endswith("report.txt")]
    assert reports and all(Path(line).read_text().startswith("ddwcheck: ") for line in reports)


def test_an_interrupted_comparison_is_no_pass(tmp_path: Path) -> None:
    code, out = interrupted(tmp_path, "qemu", "--calls", "100000000", when="calls")
    assert code == 3 and "interrupted" in out and "calls on" in out
