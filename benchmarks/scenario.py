# SPDX-License-Identifier: GPL-2.0-or-later
"""One life of a device, on a partition of any size: what the measurements run."""

from dataclasses import replace

from model.events import Detach, Event, Map, Offline, Online, SetMask, Step, Unmap
from model.profiles import POWERVM_DEDICATED, Lpar, Profile
from model.run import HypervisorMaker, Run
from model.types import GIB, KIB, TIB, Direction, DmaMask, PhysAddr, Span

MAPS = 20
PLATFORM = replace(POWERVM_DEDICATED, name="powervm-large-block", block=1 << 26)
"""2^26 TCEs of 2 MB are 128 TiB: the direct region holds the largest partition measured, at the same page size.
powervm-dedicated itself ends at 32 TiB, so that 64 TiB would be mapped on demand and cost nothing to pre-map.
"""


def partition(ram: int) -> Lpar:
    """`ram` bytes in 16 blocks, all but the last online; vPMEM beside it, so that maps of it take TCEs."""
    blocks = tuple(Span(PhysAddr(k * ram // 16), PhysAddr((k + 1) * ram // 16)) for k in range(16))
    vpmem = (Span(PhysAddr(2 * ram), PhysAddr(2 * ram + GIB)),)
    return Lpar(blocks, tuple(range(15)), PhysAddr(ram), vpmem, (0,))


def events(lpar: Lpar) -> list[Event]:
    """Enable, 20 maps (half of RAM, half of vPMEM), 20 unmaps, a block online and offline, detach."""
    ram, vpmem = lpar.blocks[3].start, lpar.vpmem[0].start
    maps: list[Event] = []
    for k in range(MAPS):
        start = (ram, vpmem)[k % 2] + k * 64 * KIB
        memory = Span(PhysAddr(start), PhysAddr(start + 64 * KIB * (1 + k % 5)))
        maps.append(Map(0, memory, Direction.BIDIRECTIONAL, k % 4))
    ends: list[Event] = [Unmap(k) for k in range(MAPS)]
    return [SetMask(0, DmaMask((1 << 64) - 1)), *maps, *ends, Online(15), Offline(15), Detach(0)]


def live(lpar: Lpar, profile: Profile, hypervisor: HypervisorMaker | None = None, until: int | None = None) -> Run:
    """Boot, and carry out the first `until` events; every step is judged as in the state machines."""
    run = Run(profile, lpar) if hypervisor is None else Run(profile, lpar, make_hypervisor=hypervisor)
    for event in events(lpar)[:until]:
        reason = run.impossible(event)
        assert reason is None, reason
        answer = run.step(Step(event))
        assert answer is not False, f"{event} failed"
    return run


SMALL, LARGE = partition(64 * GIB), partition(64 * TIB)
