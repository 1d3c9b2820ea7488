# SPDX-License-Identifier: GPL-2.0-or-later
"""Two events of which one comes in the middle of the other, at every point: which there are, and what is there before."""

from collections.abc import Iterator
from itertools import product

from model.events import (
    Detach,
    Event,
    Inside,
    Map,
    Offline,
    Online,
    ReleaseOwnership,
    SetMask,
    Step,
    TakeOwnership,
    Unmap,
)
from model.profiles import PROFILES, Profile, simple_lpar
from model.trace import Trace
from model.types import GIB, Direction, PhysAddr, Span
from properties.sweep import MASKS

LPAR = simple_lpar(8 * GIB, vpmem=GIB, devices=2)
"""Two devices, each with a PE of its own; the second block is offline at boot."""
MOST_POINTS = 16
"""Points of the outer event at which the other one comes; a loop of hypercalls is one."""
MEETINGS = list(PROFILES.values())
"""Every platform."""


def of_device(device: int, page: int) -> Map:
    """A mapping of vPMEM, which has TCEs of its own whatever window there is."""
    start = LPAR.vpmem[0].start + (device << 20) + (page << 16)
    return Map(device, Span(PhysAddr(start), PhysAddr(start + 9000)), Direction.BIDIRECTIONAL)


OPENS = SetMask(0, MASKS["64 bits"])
OUTER: tuple[Event, ...] = (OPENS, Online(1), Offline(1), of_device(0, 1), Unmap(1), TakeOwnership(0))
"""What the first device, user space that takes it, or the memory core, is at."""
INNER: tuple[Event, ...] = (Online(1), Offline(1), SetMask(1, MASKS["64 bits"]), of_device(1, 1), Unmap(0), Detach(1))
"""What another CPU does meanwhile."""


def meetings(profile: Profile) -> Iterator[Trace]:
    """Every event of INNER in the middle of every one of OUTER; one that cannot come there does not."""
    for outer, inner, point in product(OUTER, INNER, range(MOST_POINTS)):
        before: list[Event] = [of_device(1, 0)]
        before += [Unmap(0), SetMask(1, OPENS.mask)] if isinstance(inner, Detach) else []
        before += [] if outer == OPENS else [OPENS]
        before += [] if outer in (OPENS, TakeOwnership(0)) else [of_device(0, 0)]
        before += [Online(1)] if Offline(1) in (outer, inner) else []
        after: list[Event] = [ReleaseOwnership(0), *(Unmap(number) for number in range(4))]
        met = Step(outer, inside=(Inside(point, Step(inner)),))
        yield Trace(profile, LPAR, (*map(Step, before), met, *map(Step, after)))
