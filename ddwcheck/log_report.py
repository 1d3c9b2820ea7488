# SPDX-License-Identifier: GPL-2.0-or-later
"""A line of a log that breaks a rule, as a folder: the fewest lines that show it, a report, and what they had mapped."""

import platform
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from time import monotonic

from jinja2 import Environment, PackageLoader, StrictUndefined

from ddwcheck import BadInput, exhibit, record
from ddwcheck import folder as into
from ddwcheck.bus_map import NOTHING, Area, Band, BusMap, Lane, Offence, along
from ddwcheck.bus_map import Finding as Drawn
from ddwcheck.effects import EFFECTS
from ddwcheck.exhibit import Exhibit, Told
from ddwcheck.log_outcome import FITS
from ddwcheck.need import Need
from ddwcheck.outcome import Finding
from ddwcheck.picture import Picture, picture
from ddwcheck.record_lines import PREFIX
from ddwcheck.record_window import union
from ddwcheck.report import cut, replay_line
from model.invariants import Violation
from model.types import BusAddress, Span

LINES = "lines.log"
MOST_SECONDS = 50.0
MOST_STEPS = 40
"""Lines beyond which no map is drawn for each."""
EFFECT = "What the device can reach is not known: no tested release decides so, or lines are missing."

ABSENT = ("ram-covered", "mapping-translates")
"""What is about TCEs that are not there, which are none the more if fewer lines set some."""

Numbered = tuple[int, str]
Judge = Callable[[Sequence[Numbered]], Sequence[Finding]]
"""What lines of a log show."""


def write(folder: Path, path: str, lines: Sequence[Numbered], finding: Finding, judge: Judge) -> Finding:
    """Write the folder; the finding with its place. lines: of the log, up to the one that breaks the rule and behind it."""
    whole = [line for line in lines if finding.place is None or line[0] <= finding.place.line]
    asked, kept_whole = _shows(finding, judge(whole), judge), _window_of(finding)
    left = fewest(whole, asked, kept_whole)
    need = needs(left, asked, kept_whole)
    shown = next(one for one in judge(left) if same(one, finding))
    kept = "".join(f"{text.rstrip()}\n" for _, text in left)
    command = replay_line(folder / LINES, "ddwcheck log")
    data = exhibited(path, left, shown, command)
    into.write(folder, data, render(data, path, left, need, bool(kept_whole)), kept, _picture(data))
    return shown


def same(one: Finding, other: Finding) -> bool:
    """Whether two findings are of one line, and in the same words but for numbers."""
    return one.check == other.check and one.place == other.place and _words(one) == _words(other)


def _words(finding: Finding) -> str:
    return re.sub(r"\b(0x[0-9a-f]+|\d+)\b", "N", finding.message.partition(";")[0])


def _shows(finding: Finding, others: Sequence[Finding], judge: Judge) -> Callable[[Sequence[Numbered]], bool]:
    """Whether lines show a finding and none that all lines do not; they show nothing when the user has waited enough."""
    end = monotonic() + MOST_SECONDS

    def asked(lines: Sequence[Numbered]) -> bool:
        if monotonic() > end:
            return False
        try:
            found = judge(lines)
        except BadInput:  # the rest cannot be read without what was left out
            return False
        return any(same(one, finding) for one in found) and all(
            any(same(one, other) for other in others) for one in found
        )

    return asked


def _window_of(finding: Finding) -> str:
    """What names the window in lines that are not to be left out, where something is missing in it; "" for none."""
    named = re.search(r"LIOBN (0x[0-9a-f]+)", finding.message)
    return f"liobn={named[1]} " if named and invariant_of(finding) in ABSENT else ""


def fewest(lines: Sequence[Numbered], shows: Callable[[Sequence[Numbered]], bool], kept: str = "") -> list[Numbered]:
    """Leave out runs of lines, long ones first, as long as what is left shows it; as they are if they do not.

    kept: what is in lines that stay.
    """
    left, size = list(lines), len(lines) + 1
    while size := size // 2:
        at = 0
        while at < len(left):
            stays = [line for line in left[at : at + size] if kept and kept in line[1]]
            fewer = [*left[:at], *stays, *left[at + size :]]
            if len(fewer) < len(left) and shows(fewer):
                left, at = fewer, at + len(stays)
            else:
                at += size
    return left


def needs(lines: Sequence[Numbered], shows: Callable[[Sequence[Numbered]], bool], kept: str = "") -> Need:
    """Whether each line that is left is needed, as far as there is time; its numbers are what was recorded."""
    tried = dict[str, bool]()
    end = monotonic() + MOST_SECONDS / 5
    for at in range(len(lines)):
        if monotonic() < end and not (kept and kept in lines[at][1]):
            tried[f"line {lines[at][0]}"] = shows([*lines[:at], *lines[at + 1 :]])
    return Need(
        tuple(name for name, still in tried.items() if not still), tuple(name for name, still in tried.items() if still),
        untried=sum(not (kept and kept in text) for _, text in lines) - len(tried),
    )  # fmt: skip


def exhibited(path: str, lines: Sequence[Numbered], finding: Finding, command: str) -> Exhibit:
    """The lines as data for a page."""
    id = invariant_of(finding)
    drawn = _drawn(lines, finding)
    return Exhibit(
        invariant=finding.check, sentence=FITS if id not in EFFECTS else finding.expected, message=finding.message,
        expected=finding.expected, observed=finding.observed, also=(), effect=EFFECTS.get(id, EFFECT), why=(), known=(),
        functions=() if id in EFFECTS else ("enable_ddw()",), releases=(), fixes=(), kind=exhibit.UNDECIDED,
        guest=f"lines of {path}", platform="", found=f"ddwcheck log {path}", command=command,
        steps=tuple(Told(f"line {number}: {text.strip()}", (), ()) for number, text in lines), finding=drawn, kept=LINES,
    )  # fmt: skip


def invariant_of(finding: Finding) -> str:
    """The invariant that is broken; the name of the try, where it is a kernel's decision that does not fit."""
    return finding.check.rpartition(": ")[2]


def render(data: Exhibit, path: str, lines: Sequence[Numbered], need: Need, kept: bool) -> str:
    """The text of the report, at most 75 columns wide where the log's own lines are not longer."""
    environment = Environment(
        loader=PackageLoader("ddwcheck", "."), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    versions = f"ddwcheck {metadata.version('ddwcheck')}, Python {platform.python_version()}"
    text = environment.get_template("log.txt.j2").render(
        it=data, path=path, lines=lines, need=need, versions=versions, traced=bool(data.finding.maps), kept=kept
    )
    return "".join(cut(line) + "\n" for line in text.splitlines()) + f"\nReplay: {data.command}\n"


def _picture(data: Exhibit) -> Picture | None:
    if not data.finding.maps:
        return None
    return picture(data.finding, data.steps[-1].event)


def _drawn(lines: Sequence[Numbered], finding: Finding) -> Drawn:
    """What the lines had mapped, after each; nothing where they are a kernel's and name no TCE."""
    violation = Violation(invariant_of(finding), finding.message, finding.expected, finding.observed)
    phb, place = _phb(finding, lines), _place(lines)
    if phb is None:
        return Drawn(violation, len(lines), None, NOTHING, None)
    first = 0 if len(lines) <= MOST_STEPS else len(lines) - 1
    maps = along([_map(lines[:count], phb) for count in range(first, len(lines) + 1)], place)
    return Drawn(violation, len(lines), maps[-2], maps[-1], place, maps)


def _phb(finding: Finding, lines: Sequence[Numbered]) -> int | None:
    """What the LIOBNs of the PHB share that it is about, None where no line of QEMU's trace says."""
    if not any(PREFIX in text for _, text in lines):
        return None
    named = re.search(r"LIOBN (0x[0-9a-f]+)", finding.message) or re.search(r"liobn=(0x[0-9a-f]+)", lines[-1][1])
    return int(named[1], 16) >> 8 if named else None


def _place(lines: Sequence[Numbered]) -> Offence | None:
    """Where on the bus the last line is."""
    named = re.search(r"ioba=(0x[0-9a-f]+)", lines[-1][1])
    if named is None:
        return None
    at = BusAddress(int(named[1], 16))
    return Offence(at, Span(at, at + 4096), "The last line names")


def _map(lines: Sequence[Numbered], phb: int) -> BusMap:
    """The windows of a PHB as lines tell them, what their TCEs reach, and the RAM that was listed."""
    judge = record.Judge("")
    judge.read(lines)
    areas, bands = list(_memory(lines)), list[Band]()
    for liobn, window in sorted(judge.windows.items()):
        if liobn >> 8 != phb:
            continue
        last = window.runs[-1].stop if window.runs else 1
        size = window.size or last << window.shift
        detail = f"LIOBN {liobn:#x}" + ("" if window.size else ", its size is not told")
        kind = "DDW" if window.size else "default"
        areas.append(Area(Lane.WINDOW, Span(window.base, window.base + size), kind, detail=detail))
        for start, stop, page, _ in window.runs:
            bus = Span[int](window.base + (start << window.shift), window.base + (stop << window.shift))
            memory = page << window.shift
            bands.append(Band(Lane.TCE, bus, Span[int](memory, memory + bus.size), "TCEs"))
    if not any(area.lane is Lane.MEMORY for area in areas):
        reached = union((band.memory.start, band.memory.stop) for band in bands)
        areas += [Area(Lane.MEMORY, Span(*part), "memory", detail="no map of RAM was listed") for part in reached]
    return BusMap(tuple(areas), tuple(bands))


def _memory(lines: Sequence[Numbered]) -> Iterator[Area]:
    for start, stop in union(filter(None, (record.ram_in(text) for _, text in lines))):
        yield Area(Lane.MEMORY, Span(start, stop), "RAM")
