# SPDX-License-Identifier: GPL-2.0-or-later
"""A 64 TiB partition beside a 64 GiB one: time, ranges and memory should not follow the RAM."""

import gc
import tracemalloc

from benchmarks.scenario import LARGE, MAPS, PLATFORM, SMALL, live
from benchmarks.timing import Figure, in_turns, milliseconds
from model.hypervisor.papr import Papr
from model.profiles import Lpar

ALL_MAPPED = 1 + MAPS
"""Events after which the window is open and every mapping lives."""


def time_of_a_life(repetitions: int) -> list[Figure]:
    """The whole scenario, judged after every step."""
    large, small = in_turns(lambda: live(LARGE, PLATFORM), lambda: live(SMALL, PLATFORM), repetitions)
    return [Figure("time of a life: 64 TiB / 64 GiB", milliseconds(large), milliseconds(small), large / small, 1.3)]


def ranges(lpar: Lpar) -> tuple[int, int]:
    """Ranges and TCEs that are held while everything is mapped."""
    run = live(lpar, PLATFORM, until=ALL_MAPPED)
    assert isinstance(run.hypervisor, Papr)
    tables = [window for pe in run.pes for window in run.hypervisor.windows(pe)]
    held = sum(run.stop - run.start for window in tables for run in window.table.spans(0, window.entries))
    return sum(len(window.table) for window in tables), held


def peak(lpar: Lpar) -> int:
    """Bytes at the highest, as tracemalloc counts them, over a whole life."""
    live(lpar, PLATFORM)
    gc.collect()
    tracemalloc.start()
    live(lpar, PLATFORM)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return highest


def memory_of_a_life(_: int) -> list[Figure]:
    """Ranges held and peak memory; both are exact enough to take once."""
    (large, many), (small, few) = ranges(LARGE), ranges(SMALL)
    high, low = peak(LARGE), peak(SMALL)
    return [
        Figure("TCEs in place: 64 TiB / 64 GiB", f"{many:,}", f"{few:,}", many / few),
        Figure("ranges held: 64 TiB / 64 GiB", f"{large}", f"{small}", large / small),
        Figure("peak memory: 64 TiB / 64 GiB", f"{high // 1024:,} KiB", f"{low // 1024:,} KiB", high / low),
    ]
