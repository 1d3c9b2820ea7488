# SPDX-License-Identifier: GPL-2.0-or-later
"""Making a trace smaller while it still shows the same: fewest events first, then the plainest values.

Every candidate is plainer than what it replaces, in an order that has an end: none may undo another.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from model.events import AllocCoherent, Event, Map, MapSg, SetMask
from model.profiles import PROFILES, Lpar, MultiTce, Profile
from model.trace import Trace
from model.types import Direction, DmaMask, PageShift, PhysAddr, Span

ALL_BITS = DmaMask((1 << 64) - 1)

Shows = Callable[[Trace], bool]
"""Whether a trace still shows what it is kept for."""


def shrink(trace: Trace, shows: Shows) -> Trace:
    """The smallest trace found that `shows`; `trace` must. Each round tries everything, until a round changes nothing."""
    before = None
    while before != trace:
        before = trace
        trace = fewer_steps(trace, shows)
        for simpler in (plainer_steps, plainer_partition, plainer_platform):
            trace = _greedily(trace, simpler, shows)
    return trace


def fewer_steps(trace: Trace, shows: Shows) -> Trace:
    """Leave out runs of steps, long ones first."""
    size = len(trace.steps)
    while size:
        at = 0
        while at < len(trace.steps):
            shorter = replace(trace, steps=trace.steps[:at] + trace.steps[at + size :])
            if shows(shorter):
                trace = shorter
            else:
                at += size
        size //= 2
    return trace


def _greedily(trace: Trace, candidates: Callable[[Trace], Iterator[Trace]], shows: Shows) -> Trace:
    """The first candidate that shows, again and again until none does."""
    found: Trace | None = trace
    while found is not None:
        trace = found
        found = next((other for other in candidates(trace) if other != trace and shows(other)), None)
    return trace


def plainer_steps(trace: Trace) -> Iterator[Trace]:
    """No dictated answers, masks of 64 bits, short aligned buffers, both directions, the first CPU."""
    for at, step in enumerate(trace.steps):
        others = [replace(step, faults=step.faults[:k] + step.faults[k + 1 :]) for k in range(len(step.faults))]
        event = step.event
        if isinstance(event, SetMask):
            others.append(replace(step, event=replace(event, mask=ALL_BITS)))
        if isinstance(event, Map):
            start, page = event.memory.start, 1 << trace.lpar.page
            aligned = PhysAddr(start - start % page)
            others += [
                replace(step, event=replace(event, memory=Span(aligned, PhysAddr(aligned + page)))),
                replace(step, event=replace(event, direction=Direction.BIDIRECTIONAL)),
                replace(step, event=replace(event, cpu=0)),
            ]
        if isinstance(event, MapSg):
            others += [replace(step, event=plainer) for plainer in _plainer_lists(event, 1 << trace.lpar.page)]
        if isinstance(event, AllocCoherent):
            one_page = Span(event.memory.start, PhysAddr(event.memory.start + (1 << trace.lpar.page)))
            others += [replace(step, event=replace(event, memory=one_page)), replace(step, event=replace(event, cpu=0))]
        yield from (replace(trace, steps=(*trace.steps[:at], other, *trace.steps[at + 1 :])) for other in others)


def _plainer_lists(event: MapSg, page: int) -> Iterator[Event]:
    """Fewer elements; the usual limits; elements of one page; both directions, the first CPU."""
    elements = event.memory
    if len(elements) > 1:
        yield from (replace(event, memory=elements[:k] + elements[k + 1 :]) for k in range(len(elements)))
    yield replace(event, longest=1 << 16, boundary=(1 << 32) - 1)
    for k, element in enumerate(elements):
        start = element.start - element.start % page
        for stop in (start + page, element.stop):
            plain = Span(PhysAddr(start), PhysAddr(stop))
            yield replace(event, memory=(*elements[:k], plain, *elements[k + 1 :]))
    yield replace(event, direction=Direction.BIDIRECTIONAL)
    yield replace(event, cpu=0)


def plainer_partition(trace: Trace) -> Iterator[Trace]:
    """One device, 64K pages, multi-TCE, all there at boot, less vPMEM, fewer blocks, the maximum where RAM ends."""
    lpar = trace.lpar
    others: list[Lpar] = [
        replace(lpar, functions=(0,)),
        replace(lpar, page=PageShift(16)),
        replace(lpar, multi_tce=MultiTce.BOTH),
        replace(lpar, vpmem=(), vpmem_at_boot=()),
        replace(lpar, vpmem=lpar.vpmem[:1], vpmem_at_boot=tuple(k for k in lpar.vpmem_at_boot if k < 1)),
        replace(lpar, vpmem_at_boot=tuple(range(len(lpar.vpmem)))),
        replace(lpar, hotplug_max=lpar.blocks[-1].stop),
    ]
    if len(lpar.blocks) > 1:
        last = len(lpar.blocks) - 1
        others.insert(0, replace(lpar, blocks=lpar.blocks[:-1], online=tuple(k for k in lpar.online if k != last)))
    others.append(replace(lpar, online=tuple(range(len(lpar.blocks)))))
    yield from (replace(trace, lpar=other) for other in others if other.online)


def plainer_platform(trace: Trace) -> Iterator[Trace]:
    """The built-in platform of that name as a whole, or field by field."""
    plain = PROFILES.get(trace.profile.name)
    if plain is None:
        return
    others: list[Profile] = [plain]
    names = [name for name in Profile.__dataclass_fields__ if name != "name"]
    others += [replace(trace.profile, **{name: getattr(plain, name)}) for name in names]
    yield from (replace(trace, profile=other) for other in others)
