# SPDX-License-Identifier: GPL-2.0-or-later
"""What a shrunk trace still has: whether each part is needed, and whether it would fail with other values as well."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from conformance.plainer import changed, renumbered
from conformance.shrink import Shows
from ddwcheck import sizes
from model.events import Event
from model.profiles import PROFILES, MultiTce
from model.trace import Trace
from model.types import Direction, DmaMask, PageShift, PhysAddr, Span

MASKS = (32, 40, 48, 63, 64)
"""Bits of the masks that are tried in place of one."""


@dataclass(frozen=True, slots=True)
class Need:
    """What was learnt of a trace by running others next to it.

    needed: parts without which it does not fail; spare: parts without which it fails all the same. fails_too, holds: other
    values with which it fails as well, or does not. condition: when it fails in general, in words, where a proof says so.
    untried: how many parts and values there was no time for.
    """

    needed: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    fails_too: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    condition: str = ""
    untried: int = 0


def needs(trace: Trace, shows: Shows, condition: str = "") -> Need:
    """Leave out each part of the trace, then try its neighbours; the order is always the same."""
    parts = [(name, shows(other)) for name, other in _without(trace)]
    values = [(name, shows(other)) for name, other in _neighbours(trace)]
    return Need(
        tuple(name for name, still in parts if not still), tuple(name for name, still in parts if still),
        tuple(name for name, still in values if still), tuple(name for name, still in values if not still), condition,
    )  # fmt: skip


def _without(trace: Trace) -> Iterator[tuple[str, Trace]]:
    """The trace less one part."""
    for at, step in enumerate(trace.steps):
        left = [k for k in range(len(trace.steps)) if k != at]
        yield f"step {at + 1}", replace(trace, steps=renumbered(trace, left))
        for k, fault in enumerate(step.faults):
            calm = replace(step, faults=step.faults[:k] + step.faults[k + 1 :])
            yield f"the answer dictated to {fault.point} in step {at + 1}", _with(trace, at, calm)
        for k, inside in enumerate(step.inside):
            alone = replace(step, inside=step.inside[:k] + step.inside[k + 1 :])
            yield f"the {type(inside.step.event).__name__} inside step {at + 1}", _with(trace, at, alone)
    lpar = trace.lpar
    if lpar.vpmem:
        yield "vPMEM", replace(trace, lpar=replace(lpar, vpmem=(), vpmem_at_boot=()))
    if lpar.reserved:
        yield "memory that is reserved", replace(trace, lpar=replace(lpar, reserved=()))
    if len(lpar.online) < len(lpar.blocks):
        yield "RAM that is offline at boot", replace(trace, lpar=replace(lpar, online=tuple(range(len(lpar.blocks)))))
    if lpar.multi_tce is not MultiTce.BOTH:
        lacks = "hcall-multi-tce" if lpar.multi_tce is MultiTce.NONE else "one of the multi-TCE calls"
        yield f"firmware without {lacks}", replace(trace, lpar=replace(lpar, multi_tce=MultiTce.BOTH))
    plain = PROFILES.get(trace.profile.name)
    for field in fields(plain) if plain else ():
        usual = getattr(plain, field.name)
        if usual != getattr(trace.profile, field.name):
            yield (
                f"{WORDS.get(field.name, field.name)} other than the usual",
                replace(trace, profile=replace(trace.profile, **{field.name: usual})),
            )


WORDS = {
    "windows": "a number of windows", "block": "a largest block", "pages": "a page-size mask", "dma64": "a place of windows",
    "limited": "a place of limited windows", "choices": "readings of LoPAR", "default": "a default window",
    "mmio32": "32-bit MMIO", "extensions": "ibm,ddw-extensions", "query_outputs": "a number of query outputs",
}  # fmt: skip
"""Fields of a platform in words."""


def _neighbours(trace: Trace) -> Iterator[tuple[str, Trace]]:
    """The trace with one value that is another."""
    lpar, profile = trace.lpar, trace.profile
    usual = PROFILES.get(profile.name, profile)
    own = {f.name: getattr(profile, f.name) for f in fields(profile)
           if f.name != "name" and getattr(profile, f.name) != getattr(usual, f.name)}  # fmt: skip
    for other in PROFILES.values():
        if other.name != profile.name:
            yield f"platform {other.name}", replace(trace, profile=changed(other, own))
    for page in (12, 16):
        if page != lpar.page:
            yield f"kernel pages of {sizes.page(page)}", replace(trace, lpar=replace(lpar, page=PageShift(page)))
    for shift, name in ((1, "half"), (-1, "twice")):
        last = lpar.blocks[-1]
        size = last.size >> 1 if shift > 0 else last.size << 1
        grown = Span(last.start, PhysAddr(last.start + size))
        maximum = PhysAddr(grown.stop) if lpar.hotplug_max == last.stop else lpar.hotplug_max
        if not any(grown.touches(span) for span in lpar.vpmem):
            other_lpar = replace(lpar, blocks=(*lpar.blocks[:-1], grown), hotplug_max=maximum)
            yield f"{name} the last RAM block", replace(trace, lpar=other_lpar)
    seen: set[str] = set()
    for at, step in enumerate(trace.steps):
        for name, event in _events(step.event, 1 << lpar.page):
            text = f"{name} in step {at + 1}"
            if text not in seen:
                seen.add(text)
                yield text, _with(trace, at, replace(step, event=event))


def _events(event: Event, page: int) -> Iterator[tuple[str, Any]]:
    mask, memory, direction = (getattr(event, name, None) for name in ("mask", "memory", "direction"))
    if isinstance(mask, int):
        for bits in MASKS:
            if mask != (1 << bits) - 1:
                yield f"a mask of {bits} bits", changed(event, {"mask": DmaMask((1 << bits) - 1)})
    if isinstance(memory, Span):
        longer = Span(memory.start, PhysAddr(memory.stop + page))
        yield "a buffer of a page more", changed(event, {"memory": longer})
        yield "a buffer of 1 byte", changed(event, {"memory": Span(memory.start, PhysAddr(memory.start + 1))})
    if isinstance(direction, Direction):
        for other in Direction:
            if other is not direction:
                yield f"{other.value}", changed(event, {"direction": other})


def _with(trace: Trace, at: int, step: Any) -> Trace:
    return replace(trace, steps=(*trace.steps[:at], step, *trace.steps[at + 1 :]))
