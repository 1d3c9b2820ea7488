# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands as a kernel developer gives them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.edits import SLIPS
from conformance.kernel.tree import PARTS
from conformance.survey import Survey, explore
from ddwcheck.main import main
from ddwcheck.page_files import leaf, summary
from properties.machine import SHARDS

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
