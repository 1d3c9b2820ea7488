# SPDX-License-Identifier: GPL-2.0-or-later
"""Each known deviation of QEMU is shown by its few calls, by these alone, and in a report that fits into a mail."""

import json
from pathlib import Path

import pytest

from conformance.qemu import shown
from ddwcheck import listed, page_files, qemu_report
from ddwcheck.sources import cache_folder

CACHE = cache_folder(None) / "qemu"
ROWS = {row.id: row for row in listed.read(Path(__file__).parent.parent / "FINDINGS.md")}


@pytest.mark.parametrize("name", shown.EXAMPLES)
def test_a_deviation_is_shown_and_described(name: str, tmp_path: Path) -> None:
    done = shown.show(CACHE, name)
    assert qemu_report.differ(done)
    answered = [answer for answer in done.known if answer is not None]
    assert list(done.observed) == answered  # with the deviation, the expected platform does the same
    assert bool(done.ended) == (None in done.known)
    qemu_report.write(tmp_path, done, qemu_report.of_row(ROWS[name], done))
    text = (tmp_path / "report.txt").read_text()
    assert text.isascii() and max(map(len, text.splitlines())) <= 75
    for part in ("What is wrong", "The rule", "Calls", "expected: ", "observed: ", "Class: "):
        assert f"\n{part}" in text or f"  {part}" in text
    assert len(json.loads((tmp_path / "calls.json").read_text())["calls"]) == len(done.calls)
    leaf = page_files.leaf(tmp_path)
    assert leaf.exhibit.functions == ROWS[name].functions and leaf.exhibit.kind == ROWS[name].kind
    assert len(leaf.exhibit.finding.maps) == len(done.calls) + 2  # after boot, after each, and what QEMU has
    picture = (tmp_path / "windows.svg").read_text()
    assert "as expected" in picture and "on QEMU" in picture


def test_the_picture_of_q2_has_both_windows_at_one_place() -> None:
    done = shown.show(CACHE, "Q2")
    drawn = qemu_report.drawn_sides(done, qemu_report.of_row(ROWS["Q2"], done))
    assert drawn.before is not None
    starts = [[area.span.start for area in one.areas if area.text == "DDW"] for one in (drawn.before, drawn.after)]
    assert len(set(starts[0])) == 2 and len(starts[1]) == 2 and len(set(starts[1])) == 1


def test_q1_says_that_qemu_aborts() -> None:
    done = shown.show(CACHE, "Q1")
    assert "signal 6" in qemu_report.render(done, qemu_report.of_row(ROWS["Q1"], done))


def test_what_does_as_expected_is_no_deviation() -> None:
    done = shown.show(CACHE, "Q10")
    assert not qemu_report.differ(done._replace(observed=tuple(filter(None, done.expected))))
