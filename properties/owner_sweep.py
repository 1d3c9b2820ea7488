# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of a PE that changes hands: a whole life in user space, and each of its events failing."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from model.events import (
    AllocCoherent,
    CreateTable,
    Event,
    Fault,
    FreeCoherent,
    Map,
    MapUser,
    Offline,
    Online,
    ReleaseOwnership,
    SetMask,
    SetWindow,
    Step,
    TakeOwnership,
    Unmap,
    UnmapUser,
    UnsetWindow,
)
from model.profiles import PROFILES, Lpar, Profile, simple_lpar
from model.run import Run
from model.types import GIB, MIB, BusAddress, Direction, DmaMask, PhysAddr, Span
from properties.strategies import RTAS_ANSWERS
from properties.sweep import answers, points_of

ALL_BITS, BITS_32 = DmaMask((1 << 64) - 1), DmaMask((1 << 32) - 1)
ONE, TWO = simple_lpar(8 * GIB, vpmem=GIB), replace(simple_lpar(8 * GIB, devices=2), functions=(0, 0))
SMALL = 1 << 14
"""A block of TCEs that no RAM fits into, so that the window is dynamic."""
USES: dict[str, tuple[Lpar, int, DmaMask]] = {
    "after the default window": (ONE, 0, BITS_32),
    "after a window of all RAM": (ONE, 0, ALL_BITS),
    "after a dynamic window": (ONE, SMALL, ALL_BITS),
    "with two functions": (TWO, 0, ALL_BITS),
}
"""What the host did with the PE before: partition, block of TCEs (0: the platform's), mask."""
CASES = list(product(PROFILES.values(), USES))
"""Every platform, after every use."""


def platform(profile: Profile, use: str) -> Profile:
    """The platform with the block that the use wants, in 64K pages."""
    block = USES[use][1]
    return replace(profile, block=block, pages=3) if block else profile


def host(use: str) -> list[Event]:
    """What the drivers do before."""
    lpar, _, mask = USES[use]
    return [SetMask(device, mask) for device in range(lpar.devices)]


def owner(profile: Profile) -> list[Event]:
    """What user space does, and then the host again. An event that cannot happen is to be passed over."""
    size, start, far = profile.default.size, profile.default.start, profile.dma64
    memory = Span(PhysAddr(MIB), PhysAddr(3 * MIB))
    return [
        TakeOwnership(0), CreateTable(0, 0, 12, size), SetWindow(0, 0, 0),
        MapUser(0, 0, BusAddress(start), memory, Direction.FROM_DEVICE),
        CreateTable(0, 1, 16, 512 * MIB), SetWindow(0, 1, 0),
        MapUser(0, 1, far, memory, Direction.BIDIRECTIONAL), Online(1), UnmapUser(0), Offline(1),
        CreateTable(0, 0, 12, size), UnsetWindow(0, 0), CreateTable(0, 0, 16, 512 * MIB), SetWindow(0, 0, 0),
        UnsetWindow(0, 1), CreateTable(0, 1, 12, size // 2), UnsetWindow(0, 0), UnsetWindow(0, 1),
        ReleaseOwnership(0),
        Map(0, Span(PhysAddr(0x1000), PhysAddr(0x3000)), Direction.TO_DEVICE),
        AllocCoherent(0, Span(PhysAddr(GIB), PhysAddr(GIB + 0x10000)), BITS_32),
        Unmap(1), Unmap(2), FreeCoherent(2), FreeCoherent(3), SetMask(0, ALL_BITS),
        TakeOwnership(0), ReleaseOwnership(0), SetMask(0, ALL_BITS),
    ]  # fmt: skip


CLEAN_UP = (("reset", 0), ("remove", 0), ("remove", 1), ("H_STUFF_TCE", 1))
"""What may come up only once something else has failed."""
OWNERS = (TakeOwnership, CreateTable, MapUser, UnmapUser, UnsetWindow, ReleaseOwnership)


def failures(run: Run, event: Event) -> Iterator[tuple[Fault, ...]]:
    """The ways in which an event, which is carried out, can fail: each RTAS answer, one of a hypercall, no memory; and with
    one of them a clean-up that fails as well.
    """
    for point, skip in points_of(run, event):
        single = [(Fault(point, skip, answer),) for answer in answers(point)][: None if point in RTAS_ANSWERS else 1]
        yield from single
        if isinstance(event, TakeOwnership | CreateTable):
            seconds = (other for other in CLEAN_UP if other[0] != point)
            yield from ((*single[0], Fault(other, more, next(answers(other)))) for other, more in seconds)


def lives(profile: Profile, use: str) -> Iterator[tuple[Step, ...]]:
    """The life without a failure, and with each of those of each of user space's events."""
    before, after = host(use), owner(profile)
    yield tuple(map(Step, (*before, *after)))
    run = Run(platform(profile, use), USES[use][0])
    for event in before:
        run.step(Step(event))
    for number, event in enumerate(after):
        if run.impossible(event) is None:
            for faults in failures(run, event) if isinstance(event, OWNERS) else run_on(run, event):
                done = map(Step, (*before, *after[:number]))
                yield (*done, Step(event, faults), *map(Step, after[number + 1 :]))


def run_on(run: Run, event: Event) -> Iterator[tuple[Fault, ...]]:
    """Carry out an event of the host, whose failures are swept elsewhere."""
    run.step(Step(event))
    return iter(())
