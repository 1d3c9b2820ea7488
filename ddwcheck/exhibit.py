# SPDX-License-Identifier: GPL-2.0-or-later
"""`finding.json`: what `report.txt` tells and `windows.svg` draws, as versioned data that a page or a program can read.

Numbers that are addresses are in hex, and what several maps have in common is written once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ddwcheck.bus_map import NOTHING, Area, Band, BusMap, Finding, Lane, Offence
from model.invariants import Violation
from model.types import BusAddress, Span

VERSION = 1
LAST = 1 << 65
"""No range ends behind it; a window of 2^64 bytes need not begin at 0."""
NO_CRASH = "The guest must not crash."
"""What a crash breaks, which is no invariant of the list."""
UNDECIDED = "undecided (kernel / hypervisor / specification / model)"
"""Whose mistake it is, as long as nothing shows that."""
KEPT = "trace.json"
"""What was run, where it is a trace of events."""


class BadExhibit(ValueError):
    """Data that is no finding, or one that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Told:
    """One step in the words of the report: the event with its answer, what it dictates, and its calls."""

    event: str
    dictated: tuple[str, ...]
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A counterexample. See the report's template for what each field is.

    also: other invariants broken by the same step. known: its id in FINDINGS.md, and ids of the defects behind it.
    functions: of the kernel, where it goes wrong. kind: whose mistake it is. command: what replays it. kept: the file
    beside it that holds what was run.
    """

    invariant: str
    sentence: str
    message: str
    expected: str
    observed: str
    also: tuple[str, ...]
    effect: str
    why: tuple[str, ...]
    known: tuple[str, ...]
    functions: tuple[str, ...]
    releases: tuple[str, ...]
    fixes: tuple[str, ...]
    kind: str
    guest: str
    platform: str
    found: str
    command: str
    steps: tuple[Told, ...]
    finding: Finding
    kept: str = KEPT


WORDS = (
    "invariant",
    "sentence",
    "message",
    "expected",
    "observed",
    "effect",
    "kind",
    "guest",
    "platform",
    "found",
    "command",
)
LISTS = ("also", "why", "known", "functions", "releases", "fixes")
"""Fields that are text, and those that are lists of texts."""


def to_json(exhibit: Exhibit) -> dict[str, Any]:
    """The data as it is kept."""
    maps = exhibit.finding.maps
    areas, bands = _each(area for one in maps for area in one.areas), _each(band for one in maps for band in one.bands)
    offence = exhibit.finding.offence
    return {
        "ddwcheck_finding": VERSION,
        **{name: getattr(exhibit, name) for name in (*WORDS, *LISTS)},
        "steps": [asdict(told) for told in exhibit.steps],
        "kept": exhibit.kept,
        "number": exhibit.finding.number,
        "offence": None if offence is None else [hex(offence.address), *_hex(offence.extent), offence.what],
        "areas": [[area.lane.name, *_hex(area.span), area.text, area.there, area.detail] for area in areas],
        "bands": [[band.lane.name, *_hex(band.bus), *_hex(band.memory), band.text] for band in bands],
        "maps": [
            {"areas": [areas[a] for a in one.areas], "bands": [bands[b] for b in one.bands], "left_out": one.left_out}
            for one in maps
        ],
    }  # fmt: skip


def from_json(data: Any) -> Exhibit:
    """The counterexample in parsed JSON; BadExhibit says what is wrong with it."""
    if not isinstance(data, dict) or "ddwcheck_finding" not in data:
        raise BadExhibit("not a finding of ddwcheck")
    if data["ddwcheck_finding"] != VERSION:
        raise BadExhibit(f"finding version {data['ddwcheck_finding']!r}, this ddwcheck reads version {VERSION}")
    try:
        words = {name: _text(data[name]) for name in WORDS}
        lists = {name: _texts(data[name]) for name in LISTS}
        steps = tuple(Told(_text(s["event"]), _texts(s["dictated"]), _texts(s["calls"])) for s in data["steps"])
        kept = _text(data.get("kept", KEPT))
        return Exhibit(**words, **lists, steps=steps, finding=_finding(data), kept=kept)  # type: ignore[arg-type]
    except KeyError as missing:
        raise BadExhibit(f"finding lacks {missing}") from None
    except (TypeError, ValueError, AttributeError, IndexError) as wrong:
        raise BadExhibit(f"finding is damaged: {wrong}") from None


T = TypeVar("T")


def _each(items: Iterable[T]) -> dict[T, int]:
    """Each item once, with its number."""
    return {item: number for number, item in enumerate(dict.fromkeys(items))}


def _hex(span: "Span[int]") -> list[str]:
    return [hex(span.start), hex(span.stop)]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(_text(value) for value in values)


def _span(start: str, stop: str) -> "Span[int]":
    span = Span(int(start, 16), int(stop, 16))
    if not 0 <= span.start < span.stop <= LAST:
        raise ValueError(f"{start} to {stop} is no range")
    return span


AREAS, BANDS = (Lane.WINDOW, Lane.REGION, Lane.MEMORY), (Lane.TCE, Lane.HANDLE)


def _lane(name: str, of: Sequence[Lane]) -> Lane:
    if Lane[name] not in of:
        raise ValueError(f"{name} is out of place")
    return Lane[name]


def _finding(data: dict[str, Any]) -> Finding:
    areas = [Area(_lane(lane, AREAS), _span(start, stop), _text(text), bool(there), _text(detail))
             for lane, start, stop, text, there, detail in data["areas"]]  # fmt: skip
    bands = [Band(_lane(lane, BANDS), _span(*ends[:2]), _span(*ends[2:]), _text(text))
             for lane, *ends, text in data["bands"]]  # fmt: skip
    maps = tuple(
        BusMap(_chosen(areas, one["areas"]), _chosen(bands, one["bands"]), int(one["left_out"])) for one in data["maps"]
    )
    if maps and not len(maps) <= data["number"] + 1 <= len(data["steps"]) + 1:
        raise ValueError(f"{len(maps)} maps up to step {data['number']} of {len(data['steps'])}")
    offence = None
    if data["offence"] is not None:
        address, start, stop, what = data["offence"]
        offence = Offence(BusAddress(int(address, 16)), _span(start, stop), _text(what))
        if not offence.extent.holds(offence.address):
            raise ValueError(f"{address} is not in {start} to {stop}")
    violation = Violation(*(data[name] for name in ("invariant", "message", "expected", "observed")))
    before = maps[-2] if len(maps) > 1 else None
    return Finding(violation, data["number"], before, maps[-1] if maps else NOTHING, offence, maps)


def _chosen(items: Sequence[T], numbers: Iterable[int]) -> tuple[T, ...]:
    if any(not 0 <= number < len(items) for number in numbers):
        raise IndexError("a map names what is not listed")
    return tuple(items[number] for number in numbers)
