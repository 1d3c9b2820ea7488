# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device reaches and what its drivers were given, taken from a run as plain ranges: the subject of a picture."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import NamedTuple

from conformance.scope import OutOfScope
from ddwcheck import sizes
from model.calls import Hcall, RtasCall
from model.events import Beginning, Ending, MapSg
from model.interfaces import Crash, GuestDevice, WindowView
from model.invariants import Violation, spans
from model.invariants.scene import valid
from model.ledger import Mapping
from model.run import Done, InvariantBroken, Run
from model.types import CONTROL, BusAddress, PageShift, PhysAddr, Span

MOST = 8
"""Bands of a kind that are drawn of one map; those nearest to the offence are."""
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


class Offence(NamedTuple):
    """A place on the bus: an address, and the I/O page or window that holds it. what: to go before "bus address"."""

    address: BusAddress
    extent: "Span[int]"
    what: str = "The violation is at"


class Finding(NamedTuple):
    """A violated run as a picture shows it. before: None where that state cannot be had again."""

    violation: Violation
    number: int
    before: BusMap | None
    after: BusMap
    offence: Offence | None


def finding(run: Run, violation: Violation, number: int | None = None) -> Finding:
    """What to draw of an invariant that step `number` broke, from 1 on; the last step if None.

    All steps up to there run again, since a guest that has moved on, or gone, cannot be asked what it held before.
    """
    history = run.history[:number]
    device = _device(history, violation)
    again, before = run, None
    with suppress(Crash, OutOfScope):
        again = Run(run.profile, run.lpar, run.make_guest, run.make_hypervisor)
        for done in history[:-1]:
            _step(again, done)
        before = seen(again, device)
    windows = {window.liobn: window for window in again.hypervisor.windows(again.pe(device))}
    if before is not None:
        with suppress(OutOfScope):
            _step(again, history[-1])
    windows |= {window.liobn: window for window in again.hypervisor.windows(again.pe(device))}
    place = _offence(again, device, violation, list(windows.values()))
    after = seen(again, device)
    return Finding(violation, len(history), before and nearest(before, place), nearest(after, place), place)


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
    at = place.address if place else 0
    drawn: list[Band] = []
    for lane in (Lane.TCE, Lane.HANDLE):
        bands = (band for band in whole.bands if band.lane is lane)
        near = sorted(bands, key=lambda band: max(band.bus.start - at, at - band.bus.stop + 1, 0))
        drawn += sorted(near[:MOST], key=lambda band: band.bus)
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
        online = block in run.ledger.online
        yield Area(Lane.MEMORY, _plain(block), f"RAM {number}{'' if online else ', offline'}", online)
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


LIOBN_OBSERVED = ("no-dead-liobn", "enable-fails-clean", "detach-leaves-nothing")
"""Invariants whose violations may observe a LIOBN."""
INDEX_OBSERVED = ("mappings-disjoint", "regions-disjoint")
"""Those whose violations observe the number of a TCE."""


def _offence(run: Run, device: int, violation: Violation, windows: Sequence[WindowView]) -> Offence | None:
    """Where the violation is on the bus; None where it names no place. windows: those of before and after."""
    address, what = _address(run, device, violation, windows), "The violation is at"
    window = _window(run, violation, windows)
    if window is not None:
        return Offence(window.base, _plain(window.span), "It is about the window at")
    if address is None and (call := _call(run, violation)) is not None:
        address, what = call.ioba, "The call names"
    if address is None:
        given = _given(run)
        if not given:
            return None
        address, what = given[0].start, "The mapping of this step begins at"
    holder = next((window for window in windows if window.span.holds(address)), None)
    base, page = (holder.base, 1 << holder.page_shift) if holder else (0, 1 << SMALLEST_PAGE)
    start = base + (address - base) // page * page
    return Offence(address, Span(start, start + page), what)


def _window(run: Run, violation: Violation, windows: Sequence[WindowView]) -> WindowView | None:
    """The window that a violation is about as a whole: it names the LIOBN, or the window went while it mapped memory."""
    removed = [c.call.args[0] for c in run.history[-1].crossings if c.dirty and c.name == "remove"
               and isinstance(c.call, RtasCall)] if run.history else []  # fmt: skip
    named = violation.observed if violation.invariant in LIOBN_OBSERVED else None
    liobn = removed[0] if removed and violation.invariant == "window-empty-at-removal" else named
    return next((window for window in windows if window.liobn == liobn), None)


def _call(run: Run, violation: Violation) -> Hcall | None:
    """The hypercall that a violation names: of those of that name the first with the observed number in it, or the first."""
    name, colon, _ = violation.message.partition(":")
    crossings = run.history[-1].crossings if run.history and colon else ()
    calls = [c.call for c in crossings if c.name == name and not isinstance(c.call, RtasCall)]
    numbers = ("ioba", "tce", "first", "count", "list_addr", "per_call")
    exact = (call for call in calls if violation.observed in [getattr(call, number, None) for number in numbers])
    return next(exact, calls[0] if calls else None)


def _address(run: Run, device: int, violation: Violation, windows: Sequence[WindowView]) -> BusAddress | None:
    named = re.search(r"(bus address|handle|TCE|entry|memory at) 0x([0-9a-f]+)", violation.message)
    observed = violation.observed
    if named and named[1] in ("bus address", "handle"):
        return BusAddress(int(named[2], 16))
    if named and named[1] == "memory at":  # it goes directly, so that is where the device looks for it
        view = run.guest.view(device)
        direct = view.window.direct if view is not None and view.window is not None else None
        return BusAddress(direct.start + int(named[2], 16)) if direct and direct.size else None
    if named or (violation.invariant in INDEX_OBSERVED and isinstance(observed, int)):
        index = int(named[2], 16) if named else int(observed)
        return _of_index(run, device, index, windows, violation)
    if violation.invariant == "no-write-outside" and isinstance(observed, int):
        return BusAddress(observed)
    if isinstance(observed, int) and any(segment.holds(observed) for segment in _given(run)):
        return BusAddress(observed)
    return None


def _given(run: Run) -> Sequence[Span[BusAddress]]:
    """The segments of the mapping that the last event made or ended."""
    last = run.history[-1] if run.history else None
    if last is not None and isinstance(last.step.event, Ending):
        last = _begun(run.history, last.step.event.mapping)
    if last is None or not isinstance(last.step.event, Beginning) or last.answer is None:
        return ()
    if isinstance(last.answer, tuple):
        return last.answer  # type: ignore[return-value]
    assert isinstance(last.answer, int) and not isinstance(last.step.event, MapSg)
    return (Span(BusAddress(last.answer), BusAddress(last.answer + last.step.event.memory.size)),)


def _of_index(
    run: Run, device: int, index: int, windows: Sequence[WindowView], violation: Violation
) -> BusAddress | None:
    """The bus address of a TCE that is told by its number: in the dynamic window, unless only another can be meant."""
    view = run.guest.view(device)
    dynamic = view.window.liobn if view is not None and view.window is not None else None
    tables = {table.liobn: table.span for table in view.tables} if view is not None else {}
    held = [s for m in run.ledger.mappings.values() if m.device == device for s in m.segments]
    state = re.search(r"\b(in)?valid\b", violation.message)
    places = []
    for window in windows:
        page = 1 << window.page_shift
        at = BusAddress(window.base + index * page)
        here = Span(at, BusAddress(at + page))
        if not window.span.holds(at):
            continue
        in_table = window.liobn in tables and tables[window.liobn].holds(at)
        owned = any(segment.touches(here) for segment in held)
        regional = violation.invariant in ("direct-maps-only-ram", "regions-disjoint")
        likely = (
            window.liobn == dynamic if regional else in_table and owned == (violation.invariant == "mappings-disjoint")
        )
        agrees = state is None or bool(valid(window, here)) == (state[1] is None)
        places.append((agrees, likely, window.liobn == dynamic, at))
    return max(places)[-1] if places else None
