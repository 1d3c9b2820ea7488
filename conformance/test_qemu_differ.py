# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU answers and stores what is expected of it, and the comparison sees whatever is wrong."""

import json
from pathlib import Path

import pytest

from conformance.qemu.differ import Tally, compare
from conformance.qemu.expected import DEVIATIONS
from ddwcheck import page as page_of
from ddwcheck import page_files
from ddwcheck.main import main
from ddwcheck.sources import cache_folder
from model.calls import HcallAnswer, StuffTce
from model.hypervisor.papr import Papr
from model.interfaces import Reach
from model.types import CONTROL, BusAddress, Pe, Tce

CACHE = cache_folder(None) / "qemu"
CALLS = 60_000


def test_qemu_answers_and_stores_what_is_expected() -> None:
    tally = Tally()
    assert compare(CACHE, CALLS, 0, tally=tally) is None
    assert tally.calls >= CALLS and tally.read_back > 0
    for call in ("GetTce", "PutTce", "StuffTce", "PutTceIndirect", "TceRun"):
        assert min(tally.seen[f"{call} SUCCESS"], tally.seen[f"{call} PARAMETER"]) > 1000
    assert all(tally.seen[f"RtasCall {status}"] > 50 for status in ("SUCCESS", "PARAMETER", "HARDWARE"))


@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_without_a_known_deviation_there_is_a_difference(deviation: type[Papr]) -> None:
    assert compare(CACHE, CALLS, 0, without=(deviation,)) is not None


class StuffsOneLess(Papr):
    """Wrong: the last of a run is not written."""

    def h_stuff_tce(self, call: StuffTce) -> HcallAnswer:
        answer = super().h_stuff_tce(call)
        window = self.window(call.liobn)
        if answer.status == 0 and window is not None:
            window.table.fill(window.index_of(call.ioba) + call.count - 1, Tce(0), 0, 1)
        return answer


class ReachesWithoutLeave(Papr):
    """Wrong: a device may write what it may only read."""

    def translate(self, pe: Pe, bus: BusAddress) -> Reach | None:
        reach = super().translate(pe, bus)
        return reach if reach is None else reach._replace(control=CONTROL)


def test_a_difference_is_kept_as_a_folder_and_is_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("conformance.qemu.expected.DEVIATIONS", (StuffsOneLess, *DEVIATIONS))
    assert main(["qemu", "--calls", "4000", "--accesses", "0", "--seed", "3", "--out", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "VIOLATED after 1 calls" in shown and "StuffTce" in shown
    folder = tmp_path / "qemu-seed-3"
    report = (folder / "report.txt").read_text()
    assert "expected: " in report and "Needed, each by itself: call 1\n" in report and "Fails as well with: " in report
    assert max(len(line) for line in report.splitlines() if str(tmp_path) not in line) <= 75
    (call,) = json.loads((folder / "calls.json").read_text())["calls"]
    assert call["ioba"] == 0 and call["count"] == 1  # the plainest that shows it
    ran = page_files.summary(tmp_path / "summary.json")
    rows = {row.id: row.verdict for row in page_of.rows([page_files.leaf(folder)], ran)}
    assert rows["tables"] == "VIOLATED" and "HOLDS" not in rows.values()  # the run ended there
    page = (tmp_path / "index.html").read_text()
    assert page.count('<details class="finding"') == 1 and "Copy replay command" in page
    assert main(["qemu", "--replay", str(folder)]) == 1
    monkeypatch.undo()
    assert main(["qemu", "--replay", str(folder / "calls.json")]) == 0  # with the right rule there is no difference


def test_an_access_that_differs_is_one_access_after_few_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("conformance.qemu.expected.DEVIATIONS", (ReachesWithoutLeave, *DEVIATIONS))
    assert main(["qemu", "--calls", "1", "--accesses", "5000", "--seed", "3", "--out", str(tmp_path)]) == 1
    assert "a device " in capsys.readouterr().out
    kept = json.loads((tmp_path / "qemu-seed-3" / "calls.json").read_text())
    assert len(kept["accesses"]) == 1 and len(kept["calls"]) <= 4
