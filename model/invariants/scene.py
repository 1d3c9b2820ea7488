# SPDX-License-Identifier: GPL-2.0-or-later
"""What the judge sees after a step."""

from collections.abc import Sequence
from typing import NamedTuple

from model.events import Detach, Ending, Event
from model.interfaces import Answer, Guest, GuestDevice, GuestTable, GuestWindow, Hypervisor, WindowView
from model.invariants import spans
from model.ledger import Crossing, Ledger, Mapping
from model.profiles import Lpar, Profile
from model.types import CONTROL, BusAddress, Liobn, Pe, Span

NO_REGION = Span(BusAddress(0), BusAddress(0))


class Direct(NamedTuple):
    """A device with a direct region, and the window it lies in, which exists."""

    device: int
    region: Span[BusAddress]
    window: WindowView


class Table(NamedTuple):
    """A table that the guest allocates from, and the window it lies in, which exists.

    owned: the TCEs of each segment of live mappings in it, in order. valid: its TCEs that grant access, as ranges.
    """

    device: int
    table: GuestTable
    window: WindowView
    owned: "list[Span[int]]"
    valid: "list[Span[int]]"


class Scene:
    """Both sides and the ledger after `event`, with the calls that it made.

    before: the guest's views before a SetMask. left: after a Detach, before the hypervisor isolates the slot, the windows of
    the PE and whether they hold a TCE that the guest could have cleared. crash: what crashed the guest, if anything did.

    ddw: the devices that have a dynamic window. kept_tables: the tables that the guest keeps, `tables` those whose window
    exists.
    """

    def __init__(
        self, profile: Profile, lpar: Lpar, hypervisor: Hypervisor, guest: Guest, ledger: Ledger, pes: Sequence[Pe],
        attached: set[int], event: Event, answer: Answer, crossings: Sequence[Crossing],
        before: "dict[int, GuestDevice | None]", left: Sequence[tuple[Liobn, bool]], crash: str | None,
    ) -> None:  # fmt: skip
        self.profile, self.lpar, self.hypervisor, self.guest = profile, lpar, hypervisor, guest
        self.ledger, self.pes, self.attached = ledger, pes, attached
        self.event, self.answer, self.crossings, self.crash = event, answer, crossings, crash
        self.before, self.left = before, left
        self.windows: list[dict[Liobn, WindowView]] = [{w.liobn: w for w in hypervisor.windows(pe)} for pe in pes]
        self.views = {device: view for device in attached if (view := guest.view(device)) is not None}
        self.ddw: list[tuple[int, GuestWindow]] = [(d, v.window) for d, v in self.views.items() if v.window is not None]
        self.directs = [
            Direct(d, w.direct, self.windows[d][w.liobn])
            for d, w in self.ddw
            if w.direct.size and w.liobn in self.windows[d]
        ]
        ended = event.mapping if isinstance(event, Ending) else None
        self.live = [m for number, m in ledger.mappings.items() if number != ended]
        self.kept_tables: list[tuple[int, GuestTable]] = [(d, t) for d, v in self.views.items() for t in v.tables]
        self.tables = [
            self._table(d, t, self.windows[d][t.liobn]) for d, t in self.kept_tables if t.liobn in self.windows[d]
        ]

    def _table(self, device: int, table: GuestTable, window: WindowView) -> Table:
        mine = (s for m in self.live if m.device == device for s in m.segments if table.span.holds(s.start))
        return Table(device, table, window, sorted(indices(window, h) for h in mine), valid(window, table.span))

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
        """The live mappings that may reach something else than before: the newest alone if nothing asked the hypervisor."""
        return self.live if self.crossings or isinstance(self.event, Detach) else self.live[-1:]

    @property
    def made(self) -> Mapping:
        """The mapping that the event has just made."""
        return next(reversed(self.ledger.mappings.values()))

    def excused(self, window: WindowView) -> "list[Span[int]]":
        """The TCEs of a window that the hypervisor refused to clear."""
        return spans.union(indices(window, span) for span in self.ledger.excused(window.liobn))


def indices(window: WindowView, span: Span[BusAddress]) -> "Span[int]":
    """The TCEs that translate a range of bus addresses."""
    shift = window.page_shift
    return Span((span.start - window.base) >> shift, ((span.stop - 1 - window.base) >> shift) + 1)


def valid(window: WindowView, part: Span[BusAddress]) -> "list[Span[int]]":
    """The TCEs of part of a window that grant access, as ranges."""
    within = indices(window, part)
    return spans.union(Span(r.start, r.stop) for r in window.table.spans(within.start, within.stop) if r.tce & CONTROL)


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
