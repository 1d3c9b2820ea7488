# SPDX-License-Identifier: GPL-2.0-or-later
"""What user space does with a PE is drawn, kept, replayed and reported."""

import json
from pathlib import Path

import pytest

from ddwcheck import report
from ddwcheck.bus_map import seen
from ddwcheck.main import main
from ddwcheck.terminal_map import lines
from model.defects import apply, catalogue
from model.events import CreateTable, Event, MapUser, SetMask, SetWindow, Step, TakeOwnership, UnsetWindow
from model.guest.kernel import Kernel
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.run import InvariantBroken, Run
from model.trace import VERSION, Trace, from_json, to_json
from model.types import GIB, MIB, BusAddress, Direction, DmaMask, PhysAddr, Span

LPAR = simple_lpar(8 * GIB)
OPEN = SetMask(0, DmaMask((1 << 64) - 1))
BUFFER = Span(PhysAddr(MIB), PhysAddr(2 * MIB))
AT = BusAddress(POWERVM_DEDICATED.dma64)
EVENTS: tuple[Event, ...] = (
    TakeOwnership(0), CreateTable(0, 0, 12, POWERVM_DEDICATED.default.size), CreateTable(0, 1, 16, 16 * GIB),
    SetWindow(0, 1, 0), MapUser(0, 1, AT, BUFFER, Direction.FROM_DEVICE),
)  # fmt: skip


@pytest.fixture
def owned() -> Run:
    run = Run(POWERVM_DEDICATED, LPAR)
    for event in EVENTS:
        run.step(Step(event))
    return run


def test_the_map_of_a_device_shows_whose_windows_they_are(owned: Run) -> None:
    drawn = "\n".join(lines(seen(owned, 0)))
    assert "user default" in drawn and "user DDW" in drawn and "-> 0x100000" in drawn
    host = Run(POWERVM_DEDICATED, LPAR)
    host.step(Step(OPEN))
    assert "user" not in "\n".join(lines(seen(host, 0)))


def test_a_trace_of_user_space_is_kept_and_replayed(
    owned: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = tuple(map(Step, EVENTS))
    written = to_json(Trace(owned.profile, owned.lpar, steps), owned.history)
    assert from_json(json.loads(json.dumps(written))).steps == steps
    (tmp_path / "trace.json").write_text(json.dumps(written))
    assert main(["replay", str(tmp_path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "CreateTable(device=0, number=1, page_shift=0x10, window_size=0x400000000, levels=1): window from 0x8" in out
    assert f"the calls and answers of {len(steps)} steps are those recorded" in out


def test_an_older_trace_is_read(owned: Run) -> None:
    written = to_json(Trace(owned.profile, owned.lpar, (Step(OPEN),)))
    assert from_json({**written, "ddwcheck_trace": VERSION - 1}).steps == (Step(OPEN),)


def test_a_report_says_what_user_space_did(tmp_path: Path) -> None:
    run = Run(POWERVM_DEDICATED, LPAR, apply(Kernel, [catalogue()["unset-before-clearing"]]))
    for event in EVENTS:
        run.step(Step(event))
    with pytest.raises(InvariantBroken) as broken:
        run.step(Step(UnsetWindow(0, 1)))
    report.write(tmp_path, run, broken.value.violations, "reference", ["unset-before-clearing"], "a test")
    text = " ".join((tmp_path / "report.txt").read_text().split())
    assert "window-empty-at-removal" in text
    assert "pages of 64 KiB, 16 GiB, levels=1 -> window from 0x800000000000000" in text
    assert "iova=0x800000000000000" in text
