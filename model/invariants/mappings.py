# SPDX-License-Identifier: GPL-2.0-or-later
"""Invariants about live mappings and the tables they own TCEs in."""

from itertools import pairwise

from model.events import Map, Unmap
from model.invariants import spans
from model.invariants.registry import Violation, invariant
from model.invariants.scene import Scene, Table, first_unreached, indices, valid
from model.ledger import Mapping
from model.types import WRITE, Direction, Span


def tables(scene: Scene) -> list[Table]:
    """Tables whose window exists."""
    return [t for t in scene.tables if t.window is not None]


@invariant("map-fails-clean", lambda scene: [scene.event] if isinstance(scene.event, Map) else [])
def map_fails_clean(scene: Scene, event: Map) -> Violation | None:
    """A map that fails leaves no TCE, no entry; a map that returns a handle has every TCE in place."""
    if scene.answer is None:
        for table in tables(scene):
            left = _left_over(scene, table) if table.device == event.device else []
            if left:
                return Violation("map-fails-clean", f"the map failed and left TCE {left[0].start:#x} valid", "no TCE",
                                 f"{sum(s.size for s in left)} TCEs", event.device)  # fmt: skip
        return None
    mapping = list(scene.ledger.mappings.values())[-1]
    window = scene.window_at(event.device, mapping.handle.start)
    missing = spans.difference([indices(window, mapping.handle)], valid(window, mapping.handle)) if window else []
    if missing:
        return Violation("map-fails-clean", f"the map returned a handle but TCE {missing[0].start:#x} is invalid",
                         f"{sum(s.size for s in missing)} more valid TCEs", 0, event.device)  # fmt: skip
    return None


@invariant("route-agrees", lambda scene: [scene.event] if isinstance(scene.event, Unmap) else [])
def route_agrees(scene: Scene, event: Unmap) -> Violation | None:
    """What map routed to the direct region, unmap routes to it, and what map allocated, unmap frees."""
    mapping = scene.ledger.mappings[event.mapping]
    writes = [c for c in scene.crossings if c.name.startswith("H_")]
    if mapping.own_tces and not writes:
        return Violation("route-agrees", "map set TCEs for this handle, unmap took it for a direct one",
                         "its TCEs cleared", "no hypercall", mapping.device)  # fmt: skip
    if not mapping.own_tces and writes:
        return Violation("route-agrees", "map set no TCE for this handle, unmap cleared some", "no hypercall",
                         f"{len(writes)} hypercalls", mapping.device)  # fmt: skip
    return None


@invariant("handle-in-mask", lambda scene: [scene.event] if isinstance(scene.event, Map) else [])
def handle_in_mask(scene: Scene, event: Map) -> Violation | None:
    """Every handle, to its last byte, is within the device's DMA mask and its window, and in no MMIO32 page nor page 0."""
    if scene.answer is None:
        return None
    mapping = list(scene.ledger.mappings.values())[-1]
    handle, device = mapping.handle, mapping.device
    mask = scene.views[device].mask
    if handle.stop - 1 > mask:
        return Violation(
            "handle-in-mask", "the handle is beyond the device's mask", f"at most {mask:#x}", handle.stop - 1, device
        )
    window = scene.window_at(device, handle.start)
    if window is None or not window.span.covers(handle):
        return Violation("handle-in-mask", "the handle is not inside one window", "a window", handle.start, device)
    page = 1 << window.page_shift
    pages = Span(handle.start // page * page, -(-handle.stop // page) * page)
    mmio = scene.profile.mmio32
    if mmio is not None and pages.touches(mmio):  # type: ignore[arg-type]
        outside = f"outside {mmio.start:#x} to {mmio.stop:#x}"
        return Violation("handle-in-mask", "the handle is in a page of 32-bit MMIO", outside, handle.start, device)
    if pages.start == 0:
        return Violation("handle-in-mask", "the handle is in page 0 of the bus", "a later page", handle.start, device)
    return None


@invariant(
    "mapping-translates",
    lambda scene: scene.live,
    "to_device must not be writable; reading is granted to every direction by design",
)
def translates(scene: Scene, mapping: Mapping) -> Violation | None:
    """Every live mapping reaches, byte for byte, the memory it was asked for, with the direction asked for."""
    window = scene.window_at(mapping.device, mapping.handle.start)
    if window is None:
        return Violation("mapping-translates", "a live mapping is in no window", "a window", mapping.handle.start,
                         mapping.device)  # fmt: skip
    missing = first_unreached(window, mapping.handle, mapping.memory.start, mapping.direction.needs)
    if missing:
        at, tce = missing
        expected = mapping.memory.start + (at - mapping.handle.start)
        return Violation("mapping-translates", f"handle {at:#x} does not reach memory at {expected:#x}",
                         expected | mapping.direction.needs, tce, mapping.device)  # fmt: skip
    if mapping.direction is Direction.TO_DEVICE and not scene.is_direct(mapping):
        within = indices(window, mapping.handle)
        for run in window.table.spans(within.start, within.stop):
            if run.tce & WRITE:
                return Violation("mapping-translates", "the device may write what it was to read", "read only", run.tce,
                                 mapping.device)  # fmt: skip
    return None


@invariant("mappings-disjoint", tables)
def disjoint(scene: Scene, table: Table) -> Violation | None:
    """No two live mappings share a TCE."""
    assert table.window is not None
    for one, other in pairwise(table.owned):
        if one.touches(other):
            return Violation("mappings-disjoint", "two live mappings share a TCE", f"TCE {one.stop:#x} or later",
                             other.start, table.device)  # fmt: skip
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
                     "entries of live mappings", f"{sum(s.size for s in left)} more", table.device)  # fmt: skip


def _left_over(scene: Scene, table: Table) -> "list[Span[int]]":
    """Valid TCEs of a table that no live mapping owns."""
    assert table.window is not None
    return spans.difference(spans.difference(table.valid, spans.union(table.owned)), scene.excused(table.window))


@invariant("bitmap-matches-tces", tables, "entries that the hypervisor refused to clear may stay taken")
def bitmap_matches(scene: Scene, table: Table) -> Violation | None:
    """The allocator's map, less reservations, agrees with the TCEs."""
    assert table.window is not None
    if table.table.allocated is None:
        return None
    mapped = table.valid
    taken = spans.union(table.table.allocated)
    excused = scene.excused(table.window)
    free, idle = spans.difference(mapped, taken), spans.difference(spans.difference(taken, mapped), excused)
    for wrong, word in ((free, "free"), (idle, "taken")):
        if wrong:
            state = "valid" if word == "free" else "invalid"
            return Violation("bitmap-matches-tces", f"entry {wrong[0].start:#x} is {word} but its TCE is {state}",
                             f"{'taken' if word == 'free' else 'free'}", word, table.device)  # fmt: skip
    return None
