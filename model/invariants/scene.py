# SPDX-License-Identifier: GPL-2.0-or-later
"""What the judge sees after a step."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from model.events import Event, Unmap
from model.interfaces import Guest, GuestDevice, GuestTable, GuestWindow, Hypervisor, MaskAnswer, WindowView
from model.invariants import spans
from model.ledger import Crossing, Ledger, Mapping
from model.profiles import Lpar, Profile
from model.types import CONTROL, BusAddress, Liobn, Pe, Span


class Direct(NamedTuple):
    """A device with a direct region, and the window it lies in (None: the hypervisor has no such window)."""

    device: int
    view: GuestDevice
    region: Span[BusAddress]
    window: WindowView | None


class Table(NamedTuple):
    """A table that the guest allocates from, and the window it lies in.

    owned: the TCEs of each live mapping in it, in order. valid: its TCEs that grant access, as ranges.
    """

    device: int
    table: GuestTable
    window: WindowView | None
    owned: "list[Span[int]]"
    valid: "list[Span[int]]"


class Scene:
    """Both sides and the ledger after `event`, with the calls that it made.

    before: the guest's views before a SetMask. left: after a Detach, before the hypervisor isolates the slot, the windows of
    the PE and whether they hold a TCE that the guest could have cleared. crash: what crashed the guest, if anything did.
    """

    def __init__(
        self, profile: Profile, lpar: Lpar, hypervisor: Hypervisor, guest: Guest, ledger: Ledger, pes: Sequence[Pe],
        attached: set[int], event: Event, answer: "bool | int | MaskAnswer | None", crossings: Sequence[Crossing],
        before: "dict[int, GuestDevice | None]", left: Sequence[tuple[Liobn, bool]], crash: str | None,
    ) -> None:  # fmt: skip
        self.profile, self.lpar, self.hypervisor, self.guest = profile, lpar, hypervisor, guest
        self.ledger, self.pes, self.attached = ledger, pes, attached
        self.event, self.answer, self.crossings, self.crash = event, answer, crossings, crash
        self.before, self.left = before, left
        self.windows: list[dict[Liobn, WindowView]] = [{w.liobn: w for w in hypervisor.windows(pe)} for pe in pes]
        self.views = {device: view for device in attached if (view := guest.view(device)) is not None}
        self.directs = [
            Direct(d, v, v.window.direct, self.windows[d].get(v.window.liobn))
            for d, v in self.views.items()
            if v.window is not None and v.window.direct.size
        ]
        ended = event.mapping if isinstance(event, Unmap) else None
        self.live = [m for number, m in ledger.mappings.items() if number != ended]
        self.tables = [self._table(d, t) for d, v in self.views.items() for t in v.tables]

    def _table(self, device: int, table: GuestTable) -> Table:
        window = self.windows[device].get(table.liobn)
        if window is None:
            return Table(device, table, None, [], [])
        mine = (m.handle for m in self.live if m.device == device and table.span.holds(m.handle.start))
        return Table(device, table, window, sorted(indices(window, h) for h in mine), valid(window, table.span))

    def ddw(self) -> "Iterator[tuple[int, GuestWindow]]":
        """The devices that have a dynamic window."""
        return ((d, v.window) for d, v in self.views.items() if v.window is not None)

    def window_at(self, device: int, address: BusAddress) -> WindowView | None:
        """The window of a device that holds a bus address."""
        return next((w for w in self.windows[device].values() if w.span.holds(address)), None)

    def is_direct(self, mapping: Mapping) -> bool:
        """Whether a handle lies in the direct region of its device."""
        view = self.views.get(mapping.device)
        return view is not None and view.window is not None and view.window.direct.holds(mapping.handle.start)

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
    at = bus.start
    within = indices(window, bus)
    for run in window.table.spans(within.start, within.stop):
        start = BusAddress(window.base + run.start * page)
        if start > at:
            return at, 0
        stop = window.base + run.stop * page
        target = (run.tce & ~0xFFF) + (at - start)
        linear = run.step == page or run.stop - run.start == 1
        if run.tce & control != control or target != memory + (at - bus.start) or (not linear and stop - at > page):
            return at, run.tce
        at = BusAddress(stop)
        if at >= bus.stop:
            return None
    return (at, 0) if at < bus.stop else None
