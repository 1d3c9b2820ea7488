# SPDX-License-Identifier: GPL-2.0-or-later
"""The map of `windows.svg` in characters: the same broken axis and columns, the memory behind a band in words."""

from ddwcheck import WIDTH, sizes
from ddwcheck.axis import axis
from ddwcheck.bus_map import Area, Band, BusMap, Finding, Lane, Offence
from ddwcheck.picture import ON_BUS, bus_of, columns, on_bus, printable, within

ADDRESS = 20
"""Characters for an address of 64 bits and its tick."""
COLUMN = 15
ROWS = 3
"""From one tick to the next: two lines of text between them."""

Grid = list[list[str]]


def lines(one: BusMap, offence: Offence | None = None) -> list[str]:
    """The map of one device; names are cut where there is no room, an address is whole or left out."""
    bus = axis(on_bus([one], offence), 1, ROWS, 2)
    grid = [[" "] * WIDTH for _ in range(bus.bottom + 1)]
    _write(grid, 0, 2, "bus address")
    for address, y in bus.ticks():
        _write(grid, y, 0, f"{address:#x} -".rjust(ADDRESS))
    for y in bus.breaks:
        _write(grid, y, 0, "//".rjust(ADDRESS))
    if offence is not None:
        _write(grid, bus.middle(offence.address), 0, "HERE >".rjust(ADDRESS - 1))
    x = ADDRESS
    for lane in ON_BUS:
        for number, column in enumerate(columns(within(one, lane))):
            if number == 0:
                _write(grid, 0, x + 1, lane.value)
            for item in column:
                _box(grid, item, *bus.place(bus_of(item)), x)
            x += COLUMN
    _write(grid, 0, x, "-> memory")
    for band in one.bands:
        top, _ = bus.place(band.bus)
        row = top + (1 if band.lane is Lane.TCE else 2)
        behind = f"-> {band.memory.start:#x}"
        if len(behind) <= WIDTH - x and not "".join(grid[row][x:]).strip():  # half an address would mislead
            _write(grid, row, x, f"{behind} {_behind(one, band)}")
    return ["".join(row).rstrip() for row in grid]


def before_and_after(found: Finding) -> list[str]:
    """Both maps of a finding, one below the other."""
    told = [] if found.before is None else [f"before step {found.number}", *lines(found.before, found.offence), ""]
    return [*told, f"after step {found.number}", *lines(found.after, found.offence)]


def _behind(one: BusMap, band: Band) -> str:
    """What a band reaches, by name."""
    areas = (area for area in one.areas if area.lane is Lane.MEMORY and area.span.touches(band.memory))
    return printable(", ".join(area.text for area in areas))


def _write(grid: Grid, y: int, x: int, text: str) -> None:
    """Put a text at a place, as much of it as there is room for."""
    room = text[: max(0, WIDTH - x)]
    grid[y][x : x + len(room)] = room


def _box(grid: Grid, item: Area | Band, top: int, bottom: int, x: int) -> None:
    there = not isinstance(item, Area) or item.there
    for y in (top, bottom):
        _write(grid, y, x, "+" + ("-" if there else ".") * (COLUMN - 2) + "+")
    for y in range(top + 1, bottom):
        _write(grid, y, x, ("|" if there else ":") + " " * (COLUMN - 2) + ("|" if there else ":"))
    _write(grid, top + 1, x + 1, printable(item.text)[: COLUMN - 2])
    _write(grid, top + 2, x + 1, sizes.human(bus_of(item).size)[: COLUMN - 2])
