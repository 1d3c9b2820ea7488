# SPDX-License-Identifier: GPL-2.0-or-later
"""Where everything in `windows.svg` goes. Pure: from a finding to boxes, bands and labels; lengths in SVG units."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ddwcheck import sizes
from ddwcheck.axis import Axis, axis
from ddwcheck.bus_map import Area, Band, BusMap, Finding, Lane, Offence
from model.types import Span

FONT = 11
"""Height of the letters."""
LETTER = 6.7
"""Width of one, monospaced."""
MARGIN = 12
ADDRESS = 126
"""Room for an address of 64 bits."""
COLUMN = 104
GAP = 120
"""Between bus and memory, for the bands."""
SEGMENT, BREAK = 30, 26
ON_BUS = (Lane.WINDOW, Lane.REGION, Lane.TCE, Lane.HANDLE)
"""What is on the side of the bus, from left to right."""
TOP = 104
"""Where the axes begin, below the headings."""
LEGEND = 78
"""Below the axes."""


class Box(NamedTuple):
    """A rectangle. style: a class of the template; title: what a pointer or a screen reader finds there."""

    x: int
    y: int
    width: int
    height: int
    style: str
    title: str = ""


class Shape(NamedTuple):
    """A band from its box on the bus to memory, by its corners."""

    points: tuple[tuple[int, int], ...]
    style: str
    title: str


class Label(NamedTuple):
    """One line of text. y: of its middle; anchor: start, middle or end."""

    x: int
    y: int
    text: str
    anchor: str = "start"
    style: str = "text"

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width

    @property
    def width(self) -> float:
        """How long it is."""
        return len(self.text) * LETTER


class Parts(NamedTuple):
    """What a picture consists of. breaks: middles of the marks where an axis leaves something out."""

    boxes: list[Box]
    shapes: list[Shape]
    marks: list[Box]
    ticks: list[Box]
    breaks: list[tuple[int, int]]
    labels: list[Label]


class Picture(NamedTuple):
    """All of it, with what it says to those who do not see it."""

    width: int
    height: int
    title: str
    description: str
    parts: Parts


class Film(NamedTuple):
    """A run, map by map, each in the same place. top: above it nothing is drawn; first: the step of the first map."""

    width: int
    top: int
    height: int
    first: int
    frames: tuple[Parts, ...]


class Frame(NamedTuple):
    """What several maps of one device share: both axes, and how many columns each lane has."""

    bus: Axis
    memory: Axis
    columns: dict[Lane, int]
    offence: Offence | None

    @property
    def bottom(self) -> int:
        """Where the longer axis ends."""
        return max(self.bus.bottom, self.memory.bottom)


def frame(maps: Sequence[BusMap], offence: Offence | None) -> Frame:
    """A frame that all the maps fit into."""
    bus = axis(on_bus(maps, offence), TOP, SEGMENT, BREAK)
    memory = axis(_in_memory(maps), TOP, SEGMENT, BREAK)
    return Frame(bus, memory, {lane: max(len(columns(within(one, lane))) for one in maps) for lane in Lane}, offence)


def film(found: Finding) -> Film:
    """The maps of the whole run, for looking at one after the other."""
    shared = frame(found.maps, found.offence)
    first = found.number - len(found.maps) + 1
    frames, width = [], 0
    for number, one in enumerate(found.maps, first):
        parts = Parts([], [], [], [], [], [])
        width = _panel(parts, one, f"after step {number}" if number else "after boot", MARGIN, shared) + MARGIN
        frames.append(parts)
    top = TOP - 42 - FONT
    return Film(width, top, shared.bottom + MARGIN - top, first, tuple(frames))


def legend() -> Picture:
    """What the patterns of a map mean, by itself."""
    parts, width = Parts([], [], [], [], [], []), 900
    _legend(parts, MARGIN, width - 2 * MARGIN, 0, True)
    return Picture(width, LEGEND - 2 * MARGIN, "", "", parts)


def picture(found: Finding, event: str, sides: tuple[str, str] | None = None) -> Picture:
    """Before and after side by side, on the same axes. event: the last one, in words. sides: other names of the two."""
    maps = [m for m in (found.before, found.after) if m is not None]
    shared = frame(maps, found.offence)
    names = (sides or (f"before step {found.number}", f"after step {found.number}: {event}"))[-len(maps) :]
    bottom = shared.bottom
    parts = Parts([], [], [], [], [], [])
    x = MARGIN
    for name, one in zip(names, maps, strict=True):
        x = _panel(parts, one, name, x, shared) + MARGIN
    message = next(iter(found.violation.message.splitlines()), "")  # a crash has the kernel's log below
    title = printable(f"{found.violation.invariant}: {message}")
    parts.labels.append(Label(MARGIN, 20, fit(title, x - 2 * MARGIN), style="title"))
    parts.labels.append(Label(MARGIN, 40, fit(_where(found), x - 2 * MARGIN)))
    _legend(parts, bottom + 20, x - 2 * MARGIN, max(one.left_out for one in maps), found.offence is not None)
    told = [f"{name}: {describe(one)}" for name, one in zip(names, maps, strict=True)]
    description = printable(". ".join([_where(found), *told]))
    return Picture(x, bottom + LEGEND + MARGIN, title, description, parts)


def printable(text: str) -> str:
    """Text on one line as XML may hold it: what cannot be printed becomes a question mark."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def fit(text: str, width: float) -> str:
    """As much of a text as fits, with dots where some is missing."""
    most = int(width / LETTER)
    return text if len(text) <= most else text[: max(0, most - 3)] + "..."


def describe(one: BusMap) -> str:
    """A map in words."""
    areas = [f"{_named(area)} at {extent(area.span)}" for area in one.areas]
    bands = [
        f"{'the device reaches' if band.lane is Lane.TCE else 'a driver holds'}, {band.text}: "
        f"bus {extent(band.bus)} to memory {extent(band.memory)}"
        for band in one.bands
    ]
    return "; ".join([*areas, *bands])


def extent(span: "Span[int]") -> str:
    """First and last byte, and the size."""
    return f"{span.start:#x}..{span.stop - 1:#x} ({sizes.human(span.size)})"


def _where(found: Finding) -> str:
    if found.offence is None:
        return "The violation is at no single bus address"
    return f"{found.offence.what} bus address {found.offence.address:#x}, marked by a thick frame"


def on_bus(maps: Iterable[BusMap], offence: Offence | None = None) -> "Iterator[Span[int]]":
    """All that the bus axis has to have room for."""
    for one in maps:
        yield from (area.span for area in one.areas if area.lane is not Lane.MEMORY)
        yield from (band.bus for band in one.bands)
    if offence is not None:
        yield offence.extent


def _in_memory(maps: Iterable[BusMap]) -> "Iterator[Span[int]]":
    for one in maps:
        yield from (area.span for area in one.areas if area.lane is Lane.MEMORY)
        yield from (band.memory for band in one.bands)


def within(one: BusMap, lane: Lane) -> list[Area | Band]:
    """What a map has in a lane."""
    items: list[Area | Band] = [*one.areas, *one.bands]
    return [item for item in items if item.lane is lane]


def columns(items: "Sequence[Area | Band]") -> "list[list[Area | Band]]":
    """The items in as few columns as none overlaps another in."""
    found: list[list[Area | Band]] = []
    for item in sorted(items, key=bus_of):
        room = next((column for column in found if bus_of(column[-1]).stop <= bus_of(item).start), None)
        if room is None:
            found.append([item])
        else:
            room.append(item)
    return found


def bus_of(item: Area | Band) -> "Span[int]":
    """The bus addresses of what is on that side."""
    return item.bus if isinstance(item, Band) else item.span


def _panel(parts: Parts, one: BusMap, name: str, x: int, shared: Frame) -> int:
    """Draw one map from `x` on; where it ends."""
    start, bus, memory, offence = x, shared.bus, shared.memory, shared.offence
    left = x = x + ADDRESS
    begins: list[tuple[int, Band]] = []
    for lane in ON_BUS:
        parts.labels.append(Label(x + 4, TOP - 20, lane.value, style="head"))
        for number, column in enumerate(columns(within(one, lane))):
            at = x + number * COLUMN
            for item in column:
                _box(parts, item, bus_of(item), bus, at)
                if isinstance(item, Band):
                    begins.append((at + COLUMN - 2, item))
        x += max(1, shared.columns[lane]) * COLUMN
    right, far = x, x + GAP
    parts.labels.append(Label(far + 4, TOP - 20, Lane.MEMORY.value, style="head"))
    for number, column in enumerate(columns([area for area in one.areas if area.lane is Lane.MEMORY])):
        for item in column:
            _box(parts, item, bus_of(item), memory, far + number * COLUMN)
    x = far + shared.columns[Lane.MEMORY] * COLUMN
    for begin, band in begins:
        (top, bottom), (above, below) = bus.place(band.bus), memory.place(band.memory)
        points = ((begin, top), (right, top), (far, above), (far, below), (right, bottom), (begin, bottom))
        parts.shapes.append(Shape(points, band.lane.name.lower(), _title(band)))
    _ticks(parts, bus, left, "end")
    _ticks(parts, memory, x, "start")
    if offence is not None:
        top, bottom = bus.place(offence.extent)
        parts.marks.append(Box(left - 3, top, right - left + 6, bottom - top, "mark", f"{offence.address:#x}"))
        parts.labels.append(Label(left - 8, bus.middle(offence.address), "HERE >", "end", "head"))
    end = x + ADDRESS
    parts.labels.append(Label(start, TOP - 42, fit(printable(name), end - start), style="title"))
    return end


def _title(item: Area | Band) -> str:
    if isinstance(item, Band):
        return printable(f"{item.text}: bus {extent(item.bus)}, memory {extent(item.memory)}")
    return printable(f"{_named(item)}: {extent(item.span)}")


def _named(area: Area) -> str:
    return f"{area.text}, {area.detail}" if area.detail else area.text


def _box(parts: Parts, item: Area | Band, span: "Span[int]", on: Axis, x: int) -> None:
    top, bottom = on.place(span)
    style = "gone" if isinstance(item, Area) and not item.there else item.lane.name.lower()
    parts.boxes.append(Box(x + 2, top, COLUMN - 4, bottom - top, style, _title(item)))
    middle, room = (top + bottom) // 2, COLUMN - 10
    parts.labels.append(Label(x + 5, middle - 6, fit(printable(item.text), room)))
    parts.labels.append(Label(x + 5, middle + 7, fit(sizes.human(span.size), room)))


def _ticks(parts: Parts, on: Axis, x: int, anchor: str) -> None:
    """The addresses along an axis, and its break marks."""
    away = -1 if anchor == "end" else 1
    for address, y in on.ticks():
        parts.ticks.append(Box(x if away > 0 else x - 5, y, 5, 0, "tick"))
        parts.labels.append(Label(x + 8 * away, y, f"{address:#x}", anchor, "address"))
    parts.breaks.extend((x + 3 * away, y) for y in on.breaks)


def _legend(parts: Parts, y: int, width: int, left_out: int, marked: bool) -> None:
    samples = [
        ("tce", "what the device reaches: valid TCEs"), ("handle", "what a driver holds"),
        ("gone", "gone, offline, no memory"), ("mark", "the violation"),
    ]  # fmt: skip
    x = MARGIN
    for style, text in samples if marked else samples[:-1]:
        parts.boxes.append(Box(x, y, 24, 16, style))
        parts.labels.append(Label(x + 30, y + 8, text))
        x += 30 + int(len(text) * LETTER) + 24
    note = "Axes are broken (//) and not to scale: every range between two addresses is as high as any other."
    if left_out:
        note += f" Up to {left_out} bands further away are left out."
    parts.labels.append(Label(MARGIN, y + 34, fit(note, width)))
