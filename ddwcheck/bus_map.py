# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device reaches and what its drivers were given, taken from a run as plain ranges: the subject of a picture."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import NamedTuple

from conformance.scope import OutOfScope
from ddwcheck import sizes
from model.events import Beginning, Ending
from model.interfaces import Crash, GuestDevice, WindowView
from model.invariants import Violation, spans
from model.ledger import Mapping
from model.run import Done, InvariantBroken, Run
from model.types import CONTROL, BusAddress, PageShift, PhysAddr, Span

MOST, MOST_ALONG = 8, 12
"""Bands of a kind that are drawn of one map, and of all maps of a run; those nearest to the offence are."""
SMALLEST_PAGE = PageShift(12)


class Lane(Enum):
    """What is drawn side by side; the value is its heading."""

    WINDOW = "windows"
    REGION = "regions"
    TCE = "device reaches"
    HANDLE = "drivers hold"
    MEMORY = "memory"


class Area(NamedTuple):
    """A named range of bus addresses or, in the lane MEMORY, of memory. there: False for what is gone or offline.

    detail: what there is no room to write but is told all the same.
    """

    lane: Lane
    span: "Span[int]"
    text: str
    there: bool = True
    detail: str = ""


class Band(NamedTuple):
    """Bus addresses and the memory behind them. lane: TCE for what the hypervisor grants, HANDLE for what a driver holds."""

    lane: Lane
    bus: "Span[int]"
    memory: "Span[int]"
    text: str


class BusMap(NamedTuple):
    """Both sides of one device at one moment. left_out: how many bands there are beyond those listed."""

    areas: tuple[Area, ...]
    bands: tuple[Band, ...]
    left_out: int = 0


NOTHING = BusMap((), ())
"""Of what is no run of a partition, such as a theorem."""


class Offence(NamedTuple):
    """A place on the bus: an address, and the I/O page or window that holds it. what: to go before "bus address"."""

    address: BusAddress
    extent: "Span[int]"
    what: str = "The violation is at"


class Finding(NamedTuple):
    """A violated run as a picture shows it. before: None where that state cannot be had again.

    maps: after boot and after each step up to `number`, all with the same bands left out; only the last where those
    before it cannot be had, none where there is nothing to draw.
    """

    violation: Violation
    number: int
    before: BusMap | None
    after: BusMap
    offence: Offence | None
    maps: tuple[BusMap, ...] = ()


def finding(run: Run, violation: Violation, number: int | None = None) -> Finding:
    """What to draw of an invariant that step `number` broke, from 1 on; the last step if None.

    All steps up to there run again, since a guest that has moved on, or gone, cannot be asked what it held before.
    """
    history = run.history[:number]
    device = _device(history, violation)
    again, maps, before = run, list[BusMap](), None
    with suppress(Crash, OutOfScope):
        again = Run(run.profile, run.lpar, run.make_guest, run.make_hypervisor)
        maps.append(seen(again, device))
        for done in history[:-1]:
            _step(again, done)
            maps.append(seen(again, device))
        before = maps[-1]
    windows = {window.liobn: window for window in again.hypervisor.windows(again.pe(device))}
    if before is not None:
        with suppress(OutOfScope):
            _step(again, history[-1])
    windows |= {window.liobn: window for window in again.hypervisor.windows(again.pe(device))}
    place = _offence(violation, list(windows.values()))
    after = seen(again, device)
    story = along([*maps, after] if before else [after], place)
    return Finding(violation, len(history), before and nearest(before, place), nearest(after, place), place, story)


def seen(run: Run, device: int) -> BusMap:
    """The map of one device as it is now; without regions where its kernel cannot be asked."""
    view = run.guest.view(device)
    windows = sorted(run.hypervisor.windows(run.pe(device)), key=lambda window: window.base)
    mappings = {n: m for n, m in run.ledger.mappings.items() if m.device == device}
    areas = (*_windows(run, windows, _of_user(run, device, view)), *_regions(run, windows, view), *_memory(run))
    bands = (*_tces(windows, view), *_handles(mappings))
    return BusMap(tuple(area for area in areas if area.span.size > 0), bands)


def nearest(whole: BusMap, place: Offence | None = None) -> BusMap:
    """The map with no more bands than can be read, and with what they reach beyond memory."""
    return _drawn(whole, _near(whole.bands, place, MOST))


def along(maps: Sequence[BusMap], place: Offence | None) -> tuple[BusMap, ...]:
    """The maps of a run with no more bands than can be read on axes that all share."""
    bands = _near(dict.fromkeys(band for one in maps for band in one.bands), place, MOST_ALONG)
    return tuple(_drawn(one, bands) for one in maps)


def _near(bands: Iterable[Band], place: Offence | None, most: int) -> list[Band]:
    """Of each kind the bands nearest to the offence, in the order of the bus."""
    at = place.address if place else 0
    near = sorted(bands, key=lambda band: max(band.bus.start - at, at - band.bus.stop + 1, 0))
    kinds = ([band for band in near if band.lane is lane][:most] for lane in (Lane.TCE, Lane.HANDLE))
    return [band for kind in kinds for band in sorted(kind, key=lambda band: band.bus)]


def _drawn(whole: BusMap, near: Sequence[Band]) -> BusMap:
    """The map with those of its bands that are near."""
    own = set(whole.bands)
    drawn = [band for band in near if band in own]
    memory = spans.union(area.span for area in whole.areas if area.lane is Lane.MEMORY)
    beyond = spans.difference(spans.union(band.memory for band in drawn), memory)
    nothing = (Area(Lane.MEMORY, part, "no memory", there=False) for part in beyond)
    return BusMap((*whole.areas, *nothing), tuple(drawn), whole.left_out + len(whole.bands) - len(drawn))


def _plain(span: Span[BusAddress] | Span[PhysAddr]) -> "Span[int]":
    """A range of one kind of address on an axis of its own."""
    return Span(span.start, span.stop)


def _step(run: Run, done: Done) -> None:
    with suppress(InvariantBroken):
        run.step(done.step)


def _of_user(run: Run, device: int, view: GuestDevice | None) -> set[int]:
    """The LIOBNs of the tables that user space has asked for."""
    owned = run.lpar.functions[device] in run.ledger.owned
    return {table.liobn for table in view.tables} if owned and view is not None else set()


def _windows(run: Run, windows: Sequence[WindowView], of_user: set[int]) -> Iterator[Area]:
    default = _plain(run.profile.default)
    if not any(_plain(window.span) == default for window in windows):
        yield Area(Lane.WINDOW, default, "default, gone", there=False)
    for window in windows:
        kind = "default" if _plain(window.span) == default else "DDW"
        kind = f"user {kind}" if window.liobn in of_user else kind
        detail = f"LIOBN {window.liobn:#x}, {sizes.page(window.page_shift)} pages"
        yield Area(Lane.WINDOW, _plain(window.span), kind, detail=detail)


def _regions(run: Run, windows: Sequence[WindowView], view: GuestDevice | None) -> Iterator[Area]:
    shift = next((window.page_shift for window in windows if window.span.holds(0)), SMALLEST_PAGE)
    yield Area(Lane.REGION, Span(0, 1 << shift), "page 0")
    if run.profile.mmio32 is not None:
        yield Area(Lane.REGION, _plain(run.profile.mmio32), "MMIO32")
    if view is not None and view.window is not None:
        yield Area(Lane.REGION, _plain(view.window.direct), "direct")
        yield Area(Lane.REGION, _plain(view.window.dynamic), "dynamic")


def _memory(run: Run) -> Iterator[Area]:
    for number, block in enumerate(run.lpar.blocks):
        online = any(span.touches(block) for span in run.ledger.online)
        yield Area(Lane.MEMORY, _plain(block), f"RAM {number}{'' if online else ', offline'}", online)
    for part in run.lpar.reserved:
        yield Area(Lane.MEMORY, _plain(part), "reserved", there=False)
    for number, part in enumerate(run.lpar.vpmem):
        there = part in run.ledger.vpmem
        yield Area(Lane.MEMORY, _plain(part), f"vPMEM {number}{'' if there else ', absent'}", there)


def _tces(windows: Sequence[WindowView], view: GuestDevice | None) -> Iterator[Band]:
    """The runs of valid TCEs and the memory that they name."""
    direct = view.window.direct if view is not None and view.window is not None else Span(0, 0)
    for window in windows:
        shift = window.page_shift
        for run in window.table.spans(0, 1 << (window.window_shift - shift)):
            if run.tce & CONTROL:
                bus = Span(window.base + (run.start << shift), window.base + (run.stop << shift))
                start = run.tce & ~0xFFF
                linear = run.step == 1 << shift
                memory = Span(start, start + (bus.size if linear else 1 << shift))
                yield Band(Lane.TCE, bus, memory, "pre-mapped" if direct.holds(bus.start) else "TCEs")


def _handles(mappings: dict[int, Mapping]) -> Iterator[Band]:
    for number, mapping in mappings.items():
        for piece in mapping.pieces:
            yield Band(Lane.HANDLE, _plain(piece.handle), _plain(piece.memory), f"mapping {number}")


def _device(history: Sequence[Done], violation: Violation) -> int:
    """Whose map tells of the violation."""
    event = history[-1].step.event
    if violation.device is not None:
        return violation.device
    begun = _begun(history, event.mapping) if isinstance(event, Ending) else event
    return getattr(begun.step.event if isinstance(begun, Done) else begun, "device", 0)


def _begun(history: Sequence[Done], number: int) -> Done:
    """The step that made mapping `number`: mappings have the numbers in which they came to be."""
    made = [done for done in history if isinstance(done.step.event, Beginning) and done.answer is not None]
    return made[number]


def _offence(violation: Violation, windows: Sequence[WindowView]) -> Offence | None:
    """Where the violation is on the bus, in whole I/O pages; None where it is nowhere. windows: those of before and after."""
    at = violation.at
    if at is None:
        return None
    holder = next((window for window in windows if window.span.holds(at.start)), None)
    if holder is not None and at == holder.span:
        return Offence(at.start, _plain(at), "It is about the window at")
    base, page = (holder.base, 1 << holder.page_shift) if holder else (0, 1 << SMALLEST_PAGE)
    start, stop = ((end - base) // page * page + base for end in (at.start, max(at.stop, at.start + 1) + page - 1))
    return Offence(at.start, Span(start, stop))
