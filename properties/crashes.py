# SPDX-License-Identifier: GPL-2.0-or-later
"""Crashes at every point of what drivers and the platform do: which there are, and the dump and the life after each."""

from collections.abc import Iterator
from itertools import product

from model.events import (
    Attach,
    Detach,
    Event,
    Inside,
    Kdump,
    Map,
    Offline,
    Online,
    Reboot,
    SetCoherentMask,
    SetMask,
    Step,
    Unmap,
)
from model.profiles import PROFILES, Lpar, Profile, simple_lpar
from model.trace import Trace
from model.types import MIB, Direction, DmaMask, PhysAddr, Span
from properties.sweep import LPARS, MASKS

PARTITIONS = LPARS | {"little RAM": simple_lpar(256 * MIB, block=128 * MIB)}
"""Of little RAM a window needs few TCEs."""
CRASHES = list(product(PROFILES.values(), PARTITIONS))
"""Every platform, with much RAM and little, with and without vPMEM."""
MEMORY_SET_ASIDE = Kdump(Span(PhysAddr(64 * MIB), PhysAddr(128 * MIB)))

MOST_POINTS = 10
"""Points of one event at which a kernel crashes; a loop of hypercalls is one."""


def crashes(profile: Profile, lpar: Lpar) -> Iterator[Trace]:
    """A crash between two events, and at each of the first points of each event of a driver and of the platform; then what a
    dump needs, and the life after it.
    """
    one = Map(0, Span(PhysAddr(0x11000), PhysAddr(0x13000)), Direction.BIDIRECTIONAL)
    opened: tuple[Event, ...] = (SetMask(0, MASKS["64 bits"]),)
    lives: list[tuple[Event, ...]] = [
        opened, (one,), (one, Unmap(0)), (*opened, one), (*opened, one, Unmap(0)), (*opened, Online(1)),
        (*opened, Online(1), Offline(1)), (*opened, Detach(0)),
    ]  # fmt: skip
    dump = Map(0, Span(PhysAddr(64 * MIB), PhysAddr(64 * MIB + 9000)), Direction.TO_DEVICE)
    after: tuple[Event, ...] = (
        SetCoherentMask(0, DmaMask((1 << 24) - 1)),
        SetMask(0, MASKS["64 bits"]),
        dump,
        Unmap(2),
        Unmap(1),
        Unmap(0),
        Reboot(),
        Attach(0),
        SetMask(0, MASKS["64 bits"]),
    )
    for life in lives:
        yield Trace(profile, lpar, tuple(map(Step, (*life, MEMORY_SET_ASIDE, *after))))
        for point in range(MOST_POINTS):
            cut_off = Step(life[-1], inside=(Inside(point, Step(MEMORY_SET_ASIDE)),))
            yield Trace(profile, lpar, (*map(Step, life[:-1]), cut_off, *map(Step, after)))
