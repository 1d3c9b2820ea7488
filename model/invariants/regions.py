# SPDX-License-Identifier: GPL-2.0-or-later
"""Invariants about windows, their two regions, and the RAM behind the direct one."""

from collections.abc import Iterator

from model.calls import RtasCall
from model.events import MapSg
from model.interfaces import GuestWindow, MaskAnswer
from model.invariants import spans
from model.invariants.registry import Violation, invariant
from model.invariants.scene import NO_REGION, Direct, Scene, entry, first_unreached, indices, only
from model.ledger import Crossing
from model.types import CONTROL, BusAddress, PhysAddr, Span

PAGE_SHIFTS = (12, 16, 24, 25, 26, 27, 28, 34, 21)


def windows(scene: Scene) -> list[tuple[int, GuestWindow]]:
    """Devices with a dynamic window."""
    return scene.ddw


def windows_and_creates(scene: Scene) -> Iterator[tuple[int, GuestWindow] | Crossing]:
    """Devices with a dynamic window, and the creates of the step."""
    yield from scene.ddw
    yield from (c for c in scene.crossings if c.name == "create" and c.pe is not None)


def directs(scene: Scene) -> list[Direct]:
    """Devices that reach RAM directly, in a window that exists."""
    return scene.directs


@invariant("regions-disjoint", windows)
def regions_disjoint(scene: Scene, subject: tuple[int, GuestWindow]) -> Violation | None:
    """No TCE index serves both the direct and the dynamic region of a window."""
    device, window = subject
    real = scene.windows[device].get(window.liobn)
    if real is None or not window.direct.size:
        return None
    direct = indices(real, window.direct)
    parts = [t.table.span for t in scene.tables if scene.same_pe(t.device, device) and t.table.liobn == window.liobn]
    for part in (window.dynamic, *parts):
        if part.size > 0 and indices(real, part).touches(direct):
            return Violation(
                "regions-disjoint", "the dynamic region begins in an I/O page of the direct region",
                f"TCE {direct.stop:#x} or later", indices(real, part).start, device,
                entry(real, indices(real, part).start),
            )  # fmt: skip
    return None


@invariant("regions-inside-window", windows_and_creates)
def inside_window(scene: Scene, subject: tuple[int, GuestWindow] | Crossing) -> Violation | None:
    """Both regions lie inside the window the hypervisor granted, and the window inside what query offered."""
    if isinstance(subject, Crossing):
        return _inside_offer(scene, subject)
    device, window = subject
    real = scene.windows[device].get(window.liobn)
    if real is None:
        return Violation(
            "regions-inside-window", "the guest uses a window that does not exist", "a window", "none", device
        )
    for part in (window.direct, window.dynamic):
        if part.size and not real.span.covers(part):
            return Violation(
                "regions-inside-window", "a region reaches beyond its window",
                f"{real.span.start:#x} to {real.span.stop:#x}", f"{part.start:#x} to {part.stop:#x}", device, part,
            )  # fmt: skip
    return None


def _inside_offer(scene: Scene, crossing: Crossing) -> Violation | None:
    assert isinstance(crossing.call, RtasCall) and crossing.pe is not None
    device = scene.device_at(crossing.pe)
    offer = scene.ledger.offers.get(crossing.pe)
    page_shift, window_shift = crossing.call.args[3:5]
    if offer is None:
        return Violation("regions-inside-window", "create without query", "query before it", "none", device)
    offered = {shift for bit, shift in enumerate(PAGE_SHIFTS) if offer.pages >> bit & 1}
    if page_shift not in offered:
        return Violation("regions-inside-window", "create asks for an I/O page that query did not offer",
                         str(sorted(offered)), page_shift, device)  # fmt: skip
    tces = 1 << max(0, window_shift - page_shift)
    if tces > offer.block or window_shift < page_shift:
        return Violation("regions-inside-window", "create asks for more TCEs than query offered", offer.block, tces,
                         device)  # fmt: skip
    return None


@invariant(
    "ram-covered", directs, "a PE whose window is being opened, under dma_win_init_mutex, does not map directly yet"
)
def ram_covered(scene: Scene, direct: Direct) -> Violation | None:
    """For a device that maps directly, each byte of each online RAM block that it may route directly is reached, read
    and write, at dma_offset + its address.
    """
    base = direct.region.start
    for block in scene.ledger.online:
        start, stop = block.start, min(block.stop, direct.region.size)
        if start >= stop:
            continue
        bus = Span(BusAddress(base + start), BusAddress(base + stop))
        missing = first_unreached(direct.window, bus, start, CONTROL)
        if missing:
            at, tce = missing
            return Violation("ram-covered", f"bus address {at:#x} does not reach online RAM at {at - base:#x}",
                             at - base | CONTROL, tce, direct.device, only(at))  # fmt: skip
    return None


@invariant(
    "direct-maps-only-ram", directs,
    "TCEs that the hypervisor refused to clear are excused, and in the middle of an event memory that is coming or going",
)  # fmt: skip
def only_ram(scene: Scene, direct: Direct) -> Violation | None:
    """The direct region reaches nothing but online RAM (an I/O page that straddles blocks is excused only for the
    bytes it must share).
    """
    window = direct.window
    shift = window.page_shift
    memory = (*scene.ledger.online, *scene.ledger.moving)
    ram = spans.union(Span(b.start >> shift, ((b.stop - 1) >> shift) + 1) for b in memory)
    excused = scene.excused(window)
    within = indices(window, direct.region)
    for run in window.table.spans(within.start, within.stop):
        if not run.tce & CONTROL:
            continue
        target = run.tce >> shift
        linear = run.step == 1 << shift or run.stop - run.start == 1
        stray = spans.difference([Span(run.start, run.stop)], ram if target == run.start and linear else [])
        stray = spans.difference(stray, excused)
        if stray:
            at = stray[0].start
            return Violation("direct-maps-only-ram", f"TCE {at:#x} of the direct region reaches what is not online RAM", 0,
                             run.tce + (at - run.start) * run.step, direct.device, entry(window, at))  # fmt: skip
    return None


def routed(scene: Scene) -> list[int]:
    """Devices that no window is being opened for, and that have drivers of the kernel's."""
    functions, without = scene.lpar.functions, scene.run.opening | set(scene.ledger.owned)
    return [device for device in scene.views if functions[device] not in without]


@invariant(
    "limit-matches-split",
    routed,
    "a PE whose window is being opened, under dma_win_init_mutex, has nobody's answer yet; a device whose driver wants no "
    "more than 32 bits does not look for a window; what user space owns nobody routes",
)
def limit_matches(scene: Scene, device: int) -> Violation | None:
    """Whatever the guest would route directly (bypass, or below bus_dma_limit) is pre-mapped, and online RAM that is
    pre-mapped is routed directly, by itself and in a scatterlist.
    """
    view = scene.views[device]
    region = view.window.direct if view.window is not None else NO_REGION
    direct_part = next((d for d in scene.directs if scene.same_pe(d.device, device)), None)
    page = 1 << scene.lpar.page
    answer = scene.answer
    bypass = isinstance(answer, MaskAnswer) and answer.bypass and getattr(scene.event, "device", None) == device
    for memory in (*scene.ledger.online, *scene.ledger.vpmem):
        for start in _probes(memory, region.size, page) if region.size else (memory.start,):
            probe = Span(PhysAddr(start), PhysAddr(start + page))
            mapped = direct_part is not None and _premapped(direct_part, probe)
            direct = scene.guest.routes_directly(device, probe)
            if bypass and not (direct and mapped):
                return Violation("limit-matches-split", f"the answer says bypass, but memory at {start:#x} is not reached",
                                 "no bypass", "bypass", device, _bus(region, start))  # fmt: skip
            if direct and not mapped:
                return Violation("limit-matches-split", f"memory at {start:#x} is routed directly but not pre-mapped",
                                 "a TCE of its own", "the direct region", device, _bus(region, start))  # fmt: skip
            reachable = mapped and region.start + probe.stop - 1 <= view.mask
            if reachable and not direct and device in scene.ledger.windowed and not _is_vpmem(scene, probe):
                return Violation("limit-matches-split", f"pre-mapped RAM at {start:#x} is not routed directly",
                                 "the direct region", "a TCE of its own", device, _bus(region, start))  # fmt: skip
    event = scene.event
    asked = device in scene.ledger.windowed
    if isinstance(event, MapSg) and event.device == device and direct_part is not None and asked:
        fits = all(_may_go_direct(scene, direct_part, event, element) for element in event.memory)
        if fits and (answer is None or scene.made.own_tces):
            said = "failed" if answer is None else "TCEs of its own"
            return Violation("limit-matches-split", "a scatterlist of pre-mapped RAM is not routed directly",
                             "the direct region", said, device,
                             None if answer is None else scene.made.first)  # fmt: skip
    return None


def _bus(region: Span[BusAddress], memory: int) -> Span[BusAddress] | None:
    """Where a device looks for memory that goes directly."""
    return only(region.start + memory) if region.size else None


def _may_go_direct(scene: Scene, direct: Direct, event: MapSg, element: Span[PhysAddr]) -> bool:
    """Whether an element is pre-mapped RAM that the device reaches within its limits; of an empty one, the byte there."""
    element = element if element.size else Span(element.start, PhysAddr(element.start + 1))
    start = direct.region.start + element.start
    stop = start + element.size
    whole = start // (event.boundary + 1) == (stop - 1) // (event.boundary + 1)
    within = whole and stop - 1 <= scene.views[event.device].mask
    return within and _premapped(direct, element) and not _is_vpmem(scene, element)


def _premapped(direct: Direct, probe: Span[PhysAddr]) -> bool:
    base = direct.region.start
    bus = Span(BusAddress(base + probe.start), BusAddress(base + probe.stop))
    return direct.region.covers(bus) and not first_unreached(direct.window, bus, probe.start, CONTROL)


def _probes(memory: Span[PhysAddr], limit: int, page: int) -> set[int]:
    """Kernel pages of a range at which a wrong border shows: its first and last, and those beside the limit."""
    starts = {memory.start, memory.stop - page, limit - page, limit}
    return {s for s in starts if memory.start <= s <= memory.stop - page and s % page == 0}


def _is_vpmem(scene: Scene, probe: Span[PhysAddr]) -> bool:
    return any(span.touches(probe) and span not in scene.ledger.online for span in scene.ledger.vpmem)
