# SPDX-License-Identifier: GPL-2.0-or-later
"""Invariants about live mappings and the tables they own TCEs in."""

from collections.abc import Iterator
from itertools import pairwise

from model.events import AllocCoherent, Beginning, Ending, MapSg, MapUser
from model.interfaces import WindowView
from model.invariants import spans
from model.invariants.registry import Violation, invariant
from model.invariants.scene import Scene, Table, entry, first_unreached, indices, only, valid
from model.ledger import Mapping, Piece
from model.types import READ, WRITE, BusAddress, Span


def tables(scene: Scene) -> list[Table]:
    """Tables whose window exists."""
    return scene.tables


def beginnings(scene: Scene) -> Iterator[Beginning]:
    """A driver asked for a mapping."""
    if isinstance(scene.event, Beginning):
        yield scene.event


def endings(scene: Scene) -> Iterator[Ending]:
    """A driver ended a mapping."""
    if isinstance(scene.event, Ending):
        yield scene.event


@invariant("map-fails-clean", beginnings)
def map_fails_clean(scene: Scene, event: Beginning) -> Violation | None:
    """A map that fails leaves no TCE, no entry; a map that returns a handle has every TCE in place."""
    if scene.answer is None:
        for table in scene.tables:
            left = _left_over(scene, table) if scene.same_pe(table.device, event.device) else []
            if left:
                return Violation("map-fails-clean", f"the map failed and left TCE {left[0].start:#x} valid", "no TCE",
                                 f"{sum(s.size for s in left)} TCEs", event.device,
                                 entry(table.window, left[0].start))  # fmt: skip
            idle = _idle(scene, table) if scene.same_pe(table.device, event.device) and not scene.inside else []
            if idle:
                return Violation("map-fails-clean", f"the map failed and left entry {idle[0].start:#x} taken", "no entry",
                                 f"{sum(s.size for s in idle)} entries", event.device,
                                 entry(table.window, idle[0].start))  # fmt: skip
        return None
    for segment in scene.made.segments:
        window = scene.window_at(event.device, segment.start)
        missing = spans.difference([indices(window, segment)], valid(window, segment)) if window else []
        if window and missing:
            return Violation("map-fails-clean", f"the map returned a handle but TCE {missing[0].start:#x} is invalid",
                             f"{sum(s.size for s in missing)} more valid TCEs", 0, event.device,
                             entry(window, missing[0].start))  # fmt: skip
    return None


@invariant("route-agrees", endings)
def route_agrees(scene: Scene, event: Ending) -> Violation | None:
    """What map routed to the direct region, unmap routes to it, and what map allocated, unmap frees."""
    mapping = scene.ledger.mappings[event.mapping]
    writes = [c for c in scene.crossings if c.name.startswith("H_")]
    if mapping.own_tces and not writes:
        return Violation("route-agrees", "map set TCEs for this handle, unmap took it for a direct one",
                         "its TCEs cleared", "no hypercall", mapping.device, mapping.first)  # fmt: skip
    if not mapping.own_tces and writes:
        return Violation("route-agrees", "map set no TCE for this handle, unmap cleared some", "no hypercall",
                         f"{len(writes)} hypercalls", mapping.device, mapping.first)  # fmt: skip
    return None


def handles_chosen(scene: Scene) -> Iterator[Beginning]:
    """A driver was given a handle."""
    return (event for event in beginnings(scene) if scene.answer is not None and not isinstance(event, MapUser))


@invariant("handle-in-mask", handles_chosen, "user space chooses its bus addresses itself")
def handle_in_mask(scene: Scene, event: Beginning) -> Violation | None:
    """Every handle, to its last byte, is within the device's DMA mask (a coherent buffer's within its coherent mask) and
    one region of its window, and in no MMIO32 page nor page 0; no segment of a scatterlist is longer than the device
    takes nor crosses its segment boundary, and a coherent buffer is aligned to its size.
    """
    mask = event.mask if isinstance(event, AllocCoherent) else scene.views[event.device].mask
    for segment in (segment for segment in scene.made.segments if segment.size):
        wrong = _out_of_reach(scene, event.device, segment, mask)
        if wrong is None and isinstance(event, MapSg):
            wrong = _against_limits(event, segment)
        if wrong is None and isinstance(event, AllocCoherent):
            wrong = _askew(scene, event, segment.start)
        if wrong is not None:
            beyond = Span(BusAddress(max(segment.start, mask + 1)), segment.stop)
            return Violation("handle-in-mask", *wrong, event.device, beyond if beyond.size > 0 else segment)
    return None


Wrong = tuple[str, int | str, int | str]
"""Message, expected, observed."""


def _out_of_reach(scene: Scene, device: int, handle: Span[BusAddress], mask: int) -> Wrong | None:
    if handle.stop - 1 > mask:
        return "the handle is beyond the device's mask", f"at most {mask:#x}", handle.stop - 1
    window = scene.window_at(device, handle.start)
    if window is None or not window.span.covers(handle):
        return "the handle is not inside one window", "a window", handle.start
    direct = scene.direct_region(device)
    if direct.touches(handle) and not direct.covers(handle):
        return "the handle lies in both regions of its window", f"to {direct.stop:#x} or from there", handle.start
    pages, mmio = _io_pages(window, handle), scene.profile.mmio32
    if mmio is not None and pages.touches(mmio):  # type: ignore[arg-type]
        return "the handle is in a page of 32-bit MMIO", f"outside {mmio.start:#x} to {mmio.stop:#x}", handle.start
    if pages.start == 0:
        return "the handle is in page 0 of the bus", "a later page", handle.start
    return None


def _io_pages(window: WindowView, handle: Span[BusAddress]) -> Span[int]:
    page = 1 << window.page_shift
    return Span(handle.start // page * page, -(-handle.stop // page) * page)


def _against_limits(event: MapSg, segment: Span[BusAddress]) -> Wrong | None:
    if segment.size > event.longest:
        return "a segment is longer than the device takes", f"at most {event.longest:#x}", segment.size
    step = event.boundary + 1
    if segment.start // step != (segment.stop - 1) // step:
        return "a segment crosses the device's segment boundary", f"no multiple of {step:#x} inside", segment.start
    return None


def _askew(scene: Scene, event: AllocCoherent, handle: BusAddress) -> Wrong | None:
    size = 1 << scene.lpar.page
    while size < event.memory.size:
        size *= 2
    if handle % size:
        return "a coherent buffer is not aligned to its size", f"a multiple of {size:#x}", handle
    return None


@invariant(
    "mapping-translates",
    lambda scene: scene.moved,
    "to_device must not be writable; reading is granted to every direction by design",
)
def translates(scene: Scene, mapping: Mapping) -> Violation | None:
    """Every live mapping reaches, byte for byte, the memory it was asked for, with the direction asked for; the segments
    of a scatterlist are together as long as its elements.
    """
    asked, given = (sum([span.size for span in part]) for part in (mapping.elements, mapping.segments))
    if asked != given:
        return Violation("mapping-translates", "the segments of a scatterlist are not as long as its elements",
                         asked, given, mapping.device, mapping.first)  # fmt: skip
    for piece in mapping.pieces:
        wrong = _mistranslated(scene, mapping, piece)
        if wrong is not None:
            return wrong
    return None


def _mistranslated(scene: Scene, mapping: Mapping, piece: Piece) -> Violation | None:
    memory, handle = piece
    needs = mapping.direction.needs
    window = scene.window_at(mapping.device, handle.start)
    if window is None:
        return Violation("mapping-translates", "a live mapping is in no window", "a window", handle.start,
                         mapping.device, handle)  # fmt: skip
    missing = first_unreached(window, handle, memory.start, needs)
    if missing:
        at, tce = missing
        expected = memory.start + (at - handle.start)
        return Violation("mapping-translates", f"handle {at:#x} does not reach memory at {expected:#x}",
                         expected | needs, tce, mapping.device, only(at))  # fmt: skip
    if needs == READ and not scene.direct_region(mapping.device).holds(handle.start):
        within = indices(window, handle)
        for run in window.table.spans(within.start, within.stop):
            if run.tce & WRITE:
                return Violation("mapping-translates", "the device may write what it was to read", "read only", run.tce,
                                 mapping.device, entry(window, max(run.start, within.start)))  # fmt: skip
    return None


@invariant("mappings-disjoint", tables)
def disjoint(scene: Scene, table: Table) -> Violation | None:
    """No two live mappings share a TCE."""
    for one, other in pairwise(table.owned):
        if one.touches(other):
            return Violation("mappings-disjoint", "two live mappings share a TCE", f"TCE {one.stop:#x} or later",
                             other.start, table.device, entry(table.window, other.start))  # fmt: skip
    return None


@invariant("unmap-releases", tables, "TCEs that the hypervisor refused to clear are excused")
def releases(scene: Scene, table: Table) -> Violation | None:
    """When a mapping ends its TCEs are invalid and its entries free: valid TCEs of a dynamic region = entries of live
    mappings.
    """
    left = _left_over(scene, table)
    if not left:
        return None
    return Violation("unmap-releases", f"TCE {left[0].start:#x} is valid but belongs to no live mapping",
                     "entries of live mappings", f"{sum(s.size for s in left)} more", table.device,
                     entry(table.window, left[0].start))  # fmt: skip


def _left_over(scene: Scene, table: Table) -> "list[Span[int]]":
    """Valid TCEs of a table that no live mapping owns."""
    left = spans.difference(table.valid, spans.union(table.owned))
    left = spans.difference(left, scene.inherited(table.window)) if left else left
    return spans.difference(left, scene.excused(table.window)) if left else left


def _idle(scene: Scene, table: Table) -> "list[Span[int]]":
    """Entries of a table that are taken and that no live mapping owns."""
    taken = spans.union(table.table.allocated or ())
    taken = spans.difference(spans.difference(taken, spans.union(table.owned)), scene.inherited(table.window))
    return spans.difference(taken, scene.excused(table.window))


@invariant(
    "bitmap-matches-tces", tables,
    "entries that the hypervisor refused to clear may stay taken, or be those that nobody is ever given, in page 0 of the "
    "bus or 32-bit MMIO; in the middle of an event entries are taken before their TCEs are set, and free after these are "
    "cleared; so are those free that a kernel gives up to dump another one",
    inside=False,
)  # fmt: skip
def bitmap_matches(scene: Scene, table: Table) -> Violation | None:
    """The allocator's map, less reservations, agrees with the TCEs."""
    if table.table.allocated is None:
        return None
    mapped = table.valid
    taken = spans.union(table.table.allocated)
    if taken == mapped:
        return None
    excused = scene.excused(table.window)
    free = spans.difference(spans.difference(mapped, taken), scene.inherited(table.window))
    free = spans.difference(free, spans.common(excused, _never_given(scene, table.window)))
    idle = spans.difference(spans.difference(taken, mapped), excused)
    for wrong, word in ((free, "free"), (idle, "taken")):
        if wrong:
            state = "valid" if word == "free" else "invalid"
            return Violation("bitmap-matches-tces", f"entry {wrong[0].start:#x} is {word} but its TCE is {state}",
                             f"{'taken' if word == 'free' else 'free'}", word, table.device,
                             entry(table.window, wrong[0].start))  # fmt: skip
    return None


def _never_given(scene: Scene, window: WindowView) -> "list[Span[int]]":
    """The TCEs that no handle may use: of page 0 of the bus, and of 32-bit MMIO."""
    off = [only(0), *([scene.profile.mmio32] if scene.profile.mmio32 is not None else [])]
    return spans.union(
        indices(window, Span(max(part.start, window.span.start), min(part.stop, window.span.stop)))
        for part in off
        if part.touches(window.span)
    )
