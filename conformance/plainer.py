# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a trace plainer: how plain one is, and the plainer ones next to it.

Events are changed by what their fields are called, so that one which is added to the model is made plainer as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

from model.events import Beginning, Ending, Event, Fault, Step
from model.profiles import PROFILES, Lpar, MultiTce
from model.trace import Trace
from model.types import GIB, MIB, Direction, DmaMask, PageShift, PhysAddr, Span

ALL_BITS = DmaMask((1 << 64) - 1)
PLAIN: dict[str, Any] = {
    "mask": ALL_BITS, "direction": Direction.BIDIRECTIONAL, "longest": 1 << 16, "boundary": (1 << 32) - 1,
}  # fmt: skip
"""The plainest value of a field of an event; of any other number it is 0, of a flag False."""
PAGE = PageShift(16)
LMB = 16 * MIB
"""The smallest unit in which a partition gets memory."""
SMALL = GIB
"""RAM and vPMEM are rather made as large as this than smaller: a partition that nobody would run convinces nobody."""
HARDWARE = -1
"""The plainest status of a call that fails."""

Memory = Span[PhysAddr]
Weight = tuple[int, ...]


def weight(trace: Trace) -> Weight:
    """How far a trace is from the plainest, most important first: steps, dictated answers, parts of the partition and of
    lists, odd choices, one bits in addresses and sizes, and their length.
    """
    lpar = trace.lpar
    values = [value for step in trace.steps for value in _values(step.event)]
    numbers = [n for span in (*lpar.blocks, *lpar.vpmem, *lpar.reserved) for n in (span.start, span.size)]
    numbers += [n for _, value in values for span in _spans(value) for n in (span.start, span.size)]
    faults = [fault for step in trace.steps for fault in step.faults]
    numbers += [fault.skip for fault in faults]
    page = (1 << lpar.page) - 1
    odd = sum(value != _plain(name, value) for name, value in values if not _spans(value))
    odd += sum(bool(end & page) for _, value in values for span in _spans(value) for end in span)
    odd += (
        sum(fault.answer not in (0, HARDWARE) for fault in faults)
        + (lpar.page != PAGE)
        + (lpar.multi_tce is not MultiTce.BOTH)
    )
    odd += lpar.hotplug_max != end_of_ram(lpar)
    odd += sum(span.size < SMALL for span in (*lpar.blocks, *lpar.vpmem))
    odd += len(lpar.blocks) - len(lpar.online) + len(lpar.vpmem) - len(lpar.vpmem_at_boot) + _oddities(trace)
    parts = lpar.devices + len(lpar.blocks) + len(lpar.vpmem) + len(lpar.reserved)
    parts += sum(len(_spans(value)) for _, value in values)
    bits = sum(number.bit_count() for number in numbers)
    meanwhile = [inside for step in trace.steps for inside in step.inside]
    odd += sum(inside.after for inside in meanwhile) + lpar.devices - lpar.pes
    return (
        len(trace.steps),
        len(faults) + len(meanwhile),
        parts,
        odd,
        bits,
        sum(number.bit_length() for number in numbers),
    )


def _oddities(trace: Trace) -> int:
    """In how many respects the platform is not the built-in one of its name."""
    plain = PROFILES.get(trace.profile.name)
    if plain is None:
        return 0
    return sum(getattr(plain, f.name) != getattr(trace.profile, f.name) for f in fields(plain))


def changed(thing: Any, values: dict[str, Any]) -> Any:
    """An event or a partition with other values in the fields that are named."""
    return replace(thing, **values)


def _values(event: Event) -> list[tuple[str, Any]]:
    return [(field.name, getattr(event, field.name)) for field in fields(event)]


def _spans(value: Any) -> Sequence[Memory]:
    """The ranges that a field of an event holds."""
    if isinstance(value, Span):
        return (value,)
    return value if isinstance(value, tuple) else ()


def _plain(name: str, value: Any) -> Any:
    return PLAIN.get(name, type(value)(0) if isinstance(value, int) else value)


def renumbered(trace: Trace, kept: Sequence[int]) -> tuple[Step, ...]:
    """The steps at the positions `kept`, mappings numbered as if each map of the trace had succeeded.

    What ends a mapping that is not begun any more is left out too.
    """
    begun = [k for k, step in enumerate(trace.steps) if isinstance(step.event, Beginning)]
    number = {begun.index(k): new for new, k in enumerate(k for k in kept if k in begun)}
    steps = []
    for step in (trace.steps[k] for k in kept):
        event = step.event
        if isinstance(event, Ending):
            if event.mapping not in number:
                continue
            event = replace(event, mapping=number[event.mapping])
        steps.append(replace(step, event=event))
    return tuple(steps)


def steps(trace: Trace) -> Iterator[Trace]:
    """Each step with one thing plainer: an answer less that is dictated, a plain field, memory that is shorter."""
    for at, step in enumerate(trace.steps):
        for other in (*_faults(step), *(replace(step, event=event) for event in _events(trace, step.event))):
            yield replace(trace, steps=(*trace.steps[:at], other, *trace.steps[at + 1 :]))


def _faults(step: Step) -> Iterator[Step]:
    for k, inside in enumerate(step.inside):
        rest, then = step.inside[:k], step.inside[k + 1 :]
        yield replace(step, inside=rest + then)
        if inside.after:
            yield replace(step, inside=(*rest, replace(inside, after=inside.after - 1), *then))
    for k, fault in enumerate(step.faults):
        yield replace(step, faults=step.faults[:k] + step.faults[k + 1 :])
        others = [replace(fault, skip=skip) for skip in (0, fault.skip // 2, fault.skip - 1) if skip >= 0]
        if not fault.point.startswith("allocate"):
            others.append(Fault(fault.point, fault.skip, HARDWARE))
        yield from (replace(step, faults=(*step.faults[:k], other, *step.faults[k + 1 :])) for other in others)


def _events(trace: Trace, event: Event) -> Iterator[Event]:
    for name, value in _values(event):
        if isinstance(value, Span):
            yield from (changed(event, {name: memory}) for memory in _memory(trace, value))
        elif isinstance(value, tuple):
            yield from (changed(event, {name: value[:k] + value[k + 1 :]}) for k in range(len(value)) if value[1:])
            for k, element in enumerate(value):
                rest = (*value[:k], *value[k + 1 :])
                others = (o for o in _memory(trace, element) if not any(o.touches(r) for r in rest))
                yield from (changed(event, {name: (*value[:k], other, *value[k + 1 :])}) for other in others)
        else:
            yield changed(event, {name: _plain(name, value)})


def _memory(trace: Trace, memory: Memory) -> Iterator[Memory]:
    """Plainer places for a buffer: where its range of memory begins or ends, one kernel page or a power of two of them."""
    page = 1 << trace.lpar.page
    start = memory.start - memory.start % page
    sizes = [page, 1 << max(memory.size.bit_length() - 1, trace.lpar.page), memory.size]
    homes = [span for span in (*trace.lpar.blocks, *trace.lpar.vpmem) if span.holds(memory.start)]
    for size in sizes:
        for at in (*(home.start for home in homes), start, memory.start, *(home.stop - size for home in homes)):
            if at >= 0:
                yield Span(PhysAddr(at), PhysAddr(at + size))


def partitions(trace: Trace) -> Iterator[Trace]:
    """The partition with one thing plainer: a device or a range of memory less, all there at boot, rounder ranges."""
    lpar = trace.lpar
    for device in range(lpar.devices if lpar.devices > 1 else 0):
        yield _numbered(replace(trace, lpar=replace(lpar, functions=(0,))), "device", {device: 0})
    yield replace(trace, lpar=replace(lpar, functions=(0,)))
    yield replace(trace, lpar=replace(lpar, functions=tuple(range(lpar.devices))))
    others: list[Lpar] = [replace(lpar, page=PAGE), replace(lpar, multi_tce=MultiTce.BOTH)]
    others.append(replace(lpar, online=tuple(range(len(lpar.blocks)))))
    others.append(replace(lpar, vpmem_at_boot=tuple(range(len(lpar.vpmem)))))
    others.append(replace(lpar, hotplug_max=end_of_ram(lpar)))
    others += [replace(lpar, reserved=lpar.reserved[:k] + lpar.reserved[k + 1 :]) for k in range(len(lpar.reserved))]
    yield from (replace(trace, lpar=other) for other in others)
    for name, there, index in (("blocks", "online", "block"), ("vpmem", "vpmem_at_boot", "range")):
        spans: tuple[Memory, ...] = getattr(lpar, name)
        for k in range(len(spans)):
            number = {old: old - (old > k) for old in range(len(spans)) if old != k}
            left = {name: spans[:k] + spans[k + 1 :], there: tuple(number[n] for n in getattr(lpar, there) if n != k)}
            if name == "vpmem" or left[there]:
                other = _with_maximum(_only_its_own(changed(lpar, left)), lpar)
                yield _numbered(replace(trace, lpar=other), index, number)
        for k, span in enumerate(spans):
            for rounder in _rounder(spans[:k], span):
                other = _with_maximum(changed(lpar, {name: (*spans[:k], rounder, *spans[k + 1 :])}), lpar)
                if _sane(other, lpar):
                    yield _moved(replace(trace, lpar=other), span, rounder)


def _with_maximum(lpar: Lpar, before: Lpar) -> Lpar:
    """The RAM maximum where RAM ends, if that is where it was."""
    return replace(lpar, hotplug_max=end_of_ram(lpar)) if before.hotplug_max == end_of_ram(before) else lpar


def _only_its_own(lpar: Lpar) -> Lpar:
    """The partition without reserved parts of RAM that it has no more at boot."""
    there = [lpar.blocks[k] for k in lpar.online]
    return replace(lpar, reserved=tuple(r for r in lpar.reserved if any(block.covers(r) for block in there)))


def end_of_ram(lpar: Lpar) -> PhysAddr:
    """Where the last RAM block ends."""
    return max(block.stop for block in lpar.blocks)


def _rounder(before: Sequence[Memory], span: Memory) -> Iterator[Memory]:
    """Plainer ranges in place of one: from 0, behind the one before, at a power of two; of 1 GiB, a power of two, or half."""
    starts = dict.fromkeys((0, *(other.stop for other in before[-1:]), 1 << span.start.bit_length(), span.start))
    sizes = dict.fromkeys((SMALL, 1 << span.size.bit_length() - 1, span.size // 2, span.size))
    for size in sizes:
        if size >= min(span.size, SMALL) and size % LMB == 0:
            yield from (Span(PhysAddr(start), PhysAddr(start + size)) for start in starts)


def _sane(lpar: Lpar, before: Lpar) -> bool:
    """Whether a platform may look so: no overlap, and vPMEM above, and RAM below the maximum unless they were not before."""
    memory = sorted((*lpar.blocks, *lpar.vpmem))
    apart = all(one.stop <= other.start for one, other in pairwise(memory))
    return apart and _strangeness(lpar) <= _strangeness(before)


def _strangeness(lpar: Lpar) -> int:
    above = 1 << max(lpar.hotplug_max - 1, 0).bit_length()
    low = sum(span.start < above for span in lpar.vpmem)
    return low + sum(block.stop > lpar.hotplug_max for block in lpar.blocks)


def _numbered(trace: Trace, name: str, number: dict[int, int]) -> Trace:
    """The trace with a field of its events numbered anew; steps that name what has no new number are left out."""
    steps = [step for step in trace.steps if getattr(step.event, name, None) in (None, *number)]
    return replace(trace, steps=tuple(
        replace(step, event=changed(step.event, {name: number[getattr(step.event, name)]}))
        if hasattr(step.event, name) else step for step in steps
    ))  # fmt: skip


def _moved(trace: Trace, old: Memory, new: Memory) -> Trace:
    """The trace with what lay in a range of memory at the same distance from its start, or else from its end."""

    def carried(memory: Memory) -> Memory:
        if not old.covers(memory):
            return memory
        by = new.start - old.start if memory.stop - old.start <= new.size else new.stop - old.stop
        return Span(PhysAddr(memory.start + by), PhysAddr(memory.stop + by))

    moved = []
    for step in trace.steps:
        values = {name: carried(value) if isinstance(value, Span) else tuple(map(carried, value))
                   for name, value in _values(step.event) if _spans(value)}  # fmt: skip
        moved.append(replace(step, event=changed(step.event, values)))
    lpar = _only_its_own(replace(trace.lpar, reserved=tuple(map(carried, trace.lpar.reserved))))
    return replace(trace, lpar=lpar, steps=tuple(moved))


def platforms(trace: Trace) -> Iterator[Trace]:
    """The built-in platform of that name as a whole, or field by field."""
    plain = PROFILES.get(trace.profile.name)
    if plain is None:
        return
    yield replace(trace, profile=plain)
    for field in fields(plain):
        yield replace(trace, profile=replace(trace.profile, **{field.name: getattr(plain, field.name)}))
