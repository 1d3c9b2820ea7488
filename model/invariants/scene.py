# SPDX-License-Identifier: GPL-2.0-or-later
"""What the judge sees after a step."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from model.events import Detach, EehReset, Event
from model.interfaces import Answer, GuestDevice, GuestTable, GuestWindow, TceSpan, WindowView
from model.invariants import spans
from model.ledger import Mapping
from model.types import CONTROL, BusAddress, Liobn, Span

if TYPE_CHECKING:
    from model.recorder import Progress
    from model.run import Run

NO_REGION = Span(BusAddress(0), BusAddress(0))


class Direct(NamedTuple):
    """The direct region of a PE, by its first device, and the window it lies in, which exists and is not being opened."""

    device: int
    region: Span[BusAddress]
    window: WindowView


class Table(NamedTuple):
    """A table that the guest allocates from, by the first device of its PE, and the window it lies in, which exists.

    owned: the TCEs of each segment of live mappings in it, in order. valid: its TCEs that grant access, as ranges.
    """

    device: int
    table: GuestTable
    window: WindowView
    owned: "list[Span[int]]"
    valid: "list[Span[int]]"


class Scene:
    """Both sides and the ledger of a run after `event`, with the calls that it made.

    before: the guest's views before a driver's event with masks. left: after the Detach of a node, before the hypervisor
    isolates the slot, its windows and whether they hold a TCE that the guest could have cleared. touched: devices that had
    other events meanwhile. lacked: the allocations of the event that failed. crash: what crashed the guest, if anything did.
    inside: other events are under way.

    ddw: the devices whose PE has a dynamic window. kept_tables: the tables that the guest keeps, each once, `tables` those
    whose window exists, as far as that can be known.
    """

    def __init__(
        self, run: "Run", event: Event, answer: Answer, progress: "Progress",
        before: "dict[int, GuestDevice | None]", left: Sequence[tuple[WindowView, bool]], touched: set[int],
        crash: str | None,
    ) -> None:  # fmt: skip
        self.run = run
        self.views: dict[int, GuestDevice] = {n: view for n in run.attached if (view := run.guest.view(n)) is not None}
        self.answer: Answer = answer
        self.profile, self.lpar, self.hypervisor, self.guest = run.profile, run.lpar, run.hypervisor, run.guest
        self.ledger, self.attached = run.ledger, run.attached
        self.event, self.crossings, self.lacked, self.crash = event, progress.crossings, progress.lacked, crash
        self.before, self.left, self.touched = before, left, touched
        self.inside = bool(self.ledger.under_way)
        functions, ledger = self.lpar.functions, self.ledger
        of_pe = [{w.liobn: w for w in run.hypervisor.windows(pe)} for pe in run.pes]
        self.windows: list[dict[Liobn, WindowView]] = [of_pe[number] for number in functions]
        self.ddw: list[tuple[int, GuestWindow]] = [(d, v.window) for d, v in self.views.items() if v.window is not None]
        first = {functions[device]: device for device in sorted(self.views, reverse=True)}
        self.directs = [
            Direct(d, w.direct, self.windows[d][w.liobn])
            for d, w in self.ddw
            if w.direct.size
            and w.liobn in self.windows[d]
            and d == first[functions[d]]
            and functions[d] not in run.opening
        ]
        ended = run.ends(event) | ledger.ending
        self.live = [m for n, m in ledger.mappings.items() if n not in ended]
        self.kept_tables: list[tuple[int, GuestTable]] = [(d, t) for d in first.values() for t in self.views[d].tables]
        self.tables = [
            self._table(d, t, self.windows[d][t.liobn])
            for d, t in self.kept_tables
            if t.liobn in self.windows[d] and not self.unsure(d)
        ]

    def _table(self, device: int, table: GuestTable, window: WindowView) -> Table:
        pe = self.lpar.functions[device]
        mine = (
            s for m in self.live if self.lpar.functions[m.device] == pe for s in m.segments if table.span.holds(s.start)
        )
        return Table(device, table, window, sorted(indices(window, h) for h in mine), valid(window, table.span))

    def same_pe(self, one: int, other: int) -> bool:
        """Whether two devices are functions of one PE."""
        return self.lpar.functions[one] == self.lpar.functions[other]

    def device_at(self, pe: int | None) -> int | None:
        """A device of a PE to name in a verdict: the event's if it is one of them, else the first, if any is attached."""
        own, functions = getattr(self.event, "device", -1), self.lpar.functions
        known = [own, *sorted(self.attached), *range(len(functions))]
        return next((device for device in known if device >= 0 and functions[device] == pe), None)

    def window_at(self, device: int, address: BusAddress) -> WindowView | None:
        """The window of a device that holds a bus address."""
        for window in self.windows[device].values():
            if window.span.holds(address):
                return window
        return None

    def direct_region(self, device: int) -> Span[BusAddress]:
        """The bus range of a device that reaches RAM 1:1, empty if it has none."""
        view = self.views.get(device)
        return view.window.direct if view is not None and view.window is not None else NO_REGION

    @property
    def moved(self) -> list[Mapping]:
        """The live mappings that may reach something else than before: the newest alone if nobody asked the hypervisor."""
        changed = self.crossings or self.touched or self.inside or isinstance(self.event, Detach | EehReset)
        return self.live if changed else self.live[-1:]

    @property
    def made(self) -> Mapping:
        """The mapping that the event has just made."""
        return next(reversed(self.ledger.mappings.values()))

    def unsure(self, device: int) -> bool:
        """Whether a kernel that dumps another one cannot trust the properties of the device's PE: the other one crashed while
        it was opening a window there, and may have given one up.
        """
        return self.ledger.dump is not None and self.lpar.functions[device] not in self.ledger.dump.named

    def inherited(self, window: WindowView) -> "list[Span[int]]":
        """The TCEs of a window that a crashed kernel left and that are as it left them."""
        dump = self.ledger.dump
        return [] if dump is None else spans.union(as_they_were(window, dump.of(window.liobn)))

    def excused(self, window: WindowView) -> "list[Span[int]]":
        """The TCEs of a window that the hypervisor refused to clear, or that an event under way is about to set or clear."""
        refused = self.ledger.excused(window.liobn)
        meanwhile = [span for liobn, span in self.run.meanwhile if liobn == window.liobn] if self.inside else []
        for mapping in (self.ledger.mappings[number] for number in self.ledger.ending):
            if self.windows[mapping.device].get(window.liobn) is not None:
                meanwhile += [segment for segment in mapping.segments if window.span.holds(segment.start)]
        return spans.union(indices(window, span) for span in (*refused, *meanwhile))


def indices(window: WindowView, span: Span[BusAddress]) -> "Span[int]":
    """The TCEs that translate a range of bus addresses; none where it is empty."""
    shift = window.page_shift
    if span.start == span.stop:
        return Span((span.start - window.base) >> shift, (span.start - window.base) >> shift)
    return Span((span.start - window.base) >> shift, ((span.stop - 1 - window.base) >> shift) + 1)


def entry(window: WindowView, index: int) -> Span[BusAddress]:
    """The bus addresses that a TCE translates."""
    start = window.base + (index << window.page_shift)
    return Span(BusAddress(start), BusAddress(start + (1 << window.page_shift)))


def only(address: int) -> Span[BusAddress]:
    """One bus address as a range."""
    return Span(BusAddress(address), BusAddress(address + 1))


def valid(window: WindowView, part: Span[BusAddress]) -> "list[Span[int]]":
    """The TCEs of part of a window that grant access, as ranges."""
    within = indices(window, part)
    return spans.union(Span(r.start, r.stop) for r in window.table.spans(within.start, within.stop) if r.tce & CONTROL)


def granting(window: WindowView) -> tuple[TceSpan, ...]:
    """The TCEs of a window that grant access."""
    return tuple(TceSpan(*run) for run in window.table.spans(0, indices(window, window.span).stop) if run.tce & CONTROL)


def as_they_were(window: WindowView, left: Iterable[TceSpan]) -> "Iterator[Span[int]]":
    """Those of a window's TCEs that are still what they were."""
    for was in left:
        for now in window.table.spans(was.start, was.stop):
            even = now.step == was.step or now.stop - now.start == 1
            if even and now.tce == was.tce + (now.start - was.start) * was.step:
                yield Span(now.start, now.stop)


def first_unreached(
    window: WindowView, bus: Span[BusAddress], memory: int, control: int
) -> "tuple[BusAddress, int] | None":
    """The first bus address of a range at which the device does not reach `memory` onwards with `control` at least,
    and the TCE that is there; None if it reaches all of it.
    """
    shift = window.page_shift
    page = 1 << shift
    at, end, base = bus.start, bus.stop, window.base
    for first, last, tce, step in window.table.spans((at - base) >> shift, ((end - 1 - base) >> shift) + 1):
        start, stop = base + first * page, base + last * page
        if start > at:
            return at, 0
        target, linear = (tce & ~0xFFF) + (at - start), step == page or last - first == 1
        if tce & control != control or target != memory + (at - bus.start) or (not linear and stop - at > page):
            return at, tce
        at = BusAddress(stop)
        if at >= end:
            return None
    return (at, 0) if at < end else None
