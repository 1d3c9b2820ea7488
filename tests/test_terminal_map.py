# SPDX-License-Identifier: GPL-2.0-or-later
"""The map in characters: it fits, its addresses are whole and in order, and the offence is between the right two."""

import re

import pytest

from ddwcheck import WIDTH
from ddwcheck.bus_map import Area, Band, Finding, Lane, finding
from ddwcheck.main import main
from ddwcheck.terminal_map import COLUMN, before_and_after, lines
from model.types import Span
from tests.test_picture import FINDINGS, FULL, MADE, found, seen

TICK = re.compile(r" *0x([0-9a-f]+) -")


def ticks(drawn: list[str]) -> list[tuple[int, int]]:
    """Row and address of each tick."""
    return [(row, int(match[1], 16)) for row, line in enumerate(drawn) if (match := TICK.match(line))]


def wrong(drawn: list[str], it: Finding) -> list[str]:
    """What is not as it should be in the map after the step."""
    found = [f"too wide: {line}" for line in drawn if len(line) > WIDTH]
    addresses = [address for _, address in ticks(drawn)]
    if addresses != sorted(set(addresses)):
        found.append("addresses out of order")
    ends = {end for area in it.after.areas if area.lane is not Lane.MEMORY for end in area.span}
    found += [f"{end:#x} is missing" for end in ends - set(addresses)]
    text = "\n".join(drawn)
    names = (area.text[: COLUMN - 2] for area in it.after.areas if area.lane is not Lane.MEMORY)
    found += [f"{name} is missing" for name in names if name not in text]
    starts = {band.memory.start for band in it.after.bands}
    found += [
        f"nothing reaches {start}" for start in re.findall(r"-> 0x([0-9a-f]+)", text) if int(start, 16) not in starts
    ]
    here = [row for row, line in enumerate(drawn) if "HERE >" in line]
    if len(here) != (it.offence is not None):
        found.append("no mark, or one too many")
    for row in here:
        below = max(address for y, address in ticks(drawn) if y <= row)
        above = min(address for y, address in ticks(drawn) if y >= row)
        if it.offence is not None and not below <= it.offence.address < above:
            found.append(f"{it.offence.address:#x} is not in {below:#x}..{above:#x}")
    return found


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_by_hand_can_be_read(name: str) -> None:
    assert wrong(lines(MADE[name].after, MADE[name].offence), MADE[name]) == []


@pytest.mark.parametrize("invariant", FINDINGS)
def test_each_kind_of_finding_can_be_read(invariant: str) -> None:
    it = finding(*seen(invariant))
    assert wrong(lines(it.after, it.offence), it) == []


def test_the_check_above_sees_what_is_wrong() -> None:
    it = MADE["one byte"]
    good = lines(it.after, it.offence)
    here = next(row for row, line in enumerate(good) if "HERE >" in line)
    moved = [line.replace("HERE >", "      ") for line in good]
    moved[4] = "HERE >" + moved[4][6:]
    assert wrong(moved, it) and wrong(good[::-1], it) and wrong([line.replace("direct", "") for line in good], it)
    assert wrong(good[:here] + good[here + 1 :], it)
    assert wrong([line.replace("-> 0x3", "-> 0x4") for line in good], it)
    assert wrong([line + " " * WIDTH + "." for line in good], it)


def test_no_control_character_reaches_the_terminal() -> None:
    window, ram = Area(Lane.WINDOW, Span(1 << 40, 1 << 41), "\x1b[2J\n\x00"), Area(Lane.MEMORY, Span(0, 9), "\x1b")
    hostile = found((*FULL, window, ram), (Band(Lane.TCE, Span(1 << 40, 1 << 41), Span(0, 9), "\x07"),))
    drawn = lines(hostile.after)
    assert all(line.isprintable() for line in drawn) and "?[2J ?" in "".join(drawn)


def test_before_comes_before_after() -> None:
    it = finding(*seen("ram-covered"))
    drawn = before_and_after(it)
    before, after = drawn.index("before step 2"), drawn.index("after step 2")
    assert ["pre-mapped" in "".join(part) for part in (drawn[before:after], drawn[after:])] == [True, False]
    assert "before" not in "".join(before_and_after(it._replace(before=None)))


def test_explain_draws_what_came_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--profile", "powervm-sriov", "--ram-max", "128G", "--block", "0x40000", "--vpmem"]) == 0
    drawn = capsys.readouterr().out.split("\n\n")[-1].splitlines()
    assert [address for _, address in ticks(drawn)][-3:] == [1 << 59, (1 << 59) + (128 << 30), (1 << 59) + (512 << 30)]
    assert any("|pre-mapped   |-> 0x0 RAM 0" in line for line in drawn)


def test_replay_draws_before_and_after_if_it_is_to_say_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "tests/vectors/split-unmap-leak"]) == 1
    assert "HERE >" not in capsys.readouterr().out
    assert main(["replay", "-v", "tests/vectors/split-unmap-leak"]) == 1
    before, after = capsys.readouterr().out.split("\nbefore step 3\n")[1].split("\nafter step 3\n")
    assert "mapping 0" in before and "mapping 0" not in after
    assert "HERE >" in before and "HERE >" in after
