# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU answers and stores what is expected of it, and the comparison sees whatever is wrong."""

from pathlib import Path

import pytest

from conformance.qemu.differ import Tally, compare
from conformance.qemu.expected import DEVIATIONS
from ddwcheck.main import main
from ddwcheck.sources import cache_folder
from model.calls import HcallAnswer, StuffTce
from model.hypervisor.papr import Papr
from model.types import Tce

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


def test_a_difference_is_kept_as_a_folder_and_is_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("conformance.qemu.expected.DEVIATIONS", (StuffsOneLess, *DEVIATIONS))
    assert main(["qemu", "--calls", "4000", "--accesses", "0", "--seed", "3", "--out", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "VIOLATED after 1 calls" in shown and "StuffTce" in shown
    assert (tmp_path / "qemu-seed-3" / "report.txt").read_text().startswith("VIOLATED after ")
