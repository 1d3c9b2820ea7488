# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings to put on a page: kept ones as their folders hold them, and copies that lie elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

from conformance.survey import watch
from ddwcheck import report
from ddwcheck.bus_map import Area, Band, BusMap
from ddwcheck.page import Leaf
from model.defects import apply, catalogue
from model.guest.kernel import Kernel
from model.trace import Trace
from model.types import BusAddress, Span
from tests import reports

APART = 0x1230000
"""Bytes by which a copy lies further up than the one before it."""


@cache
def kept() -> tuple[Leaf, ...]:
    """The golden findings, each run again."""
    return tuple(_leaf(invariant, name, trace) for invariant, (name, trace) in reports.findings().items())


def _leaf(invariant: str, name: str, trace: Trace) -> Leaf:
    sights, run = watch(trace, apply(Kernel, [catalogue()[defect] for defect in trace.defects]))
    assert run is not None
    violations = [sight.violation for sight in sights if sight.fingerprint == name]
    folder, ran = Path("counterexamples") / invariant, replace(trace, steps=tuple(done.step for done in run.history))
    text = report.render(folder, run, violations, ran)
    return Leaf(invariant, report.exhibited(folder, run, violations, ran), text)


def many(number: int, of: Sequence[Leaf]) -> Iterator[Leaf]:
    """So many findings, no two of them at the same place."""
    for k, leaf in enumerate(islice(cycle(of), number)):
        yield moved(leaf, k * APART)._replace(name=f"{leaf.name}-{k}")


def moved(leaf: Leaf, by: int) -> Leaf:
    """A finding whose bus and memory lie elsewhere."""
    found = leaf.exhibit.finding
    offence = found.offence and found.offence._replace(
        address=BusAddress(found.offence.address + by), extent=_up(found.offence.extent, by)
    )
    maps = tuple(_map_up(one, by) for one in found.maps)
    return leaf._replace(exhibit=replace(leaf.exhibit, finding=found._replace(maps=maps, offence=offence)))


def _map_up(one: BusMap, by: int) -> BusMap:
    areas = tuple(Area(it.lane, _up(it.span, by), it.text, it.there, it.detail) for it in one.areas)
    bands = tuple(Band(it.lane, _up(it.bus, by), _up(it.memory, by), it.text) for it in one.bands)
    return BusMap(areas, bands, one.left_out)


A = TypeVar("A", bound=int)


def _up(span: Span[A], by: int) -> "Span[int]":
    return Span(span.start + by, span.stop + by)
