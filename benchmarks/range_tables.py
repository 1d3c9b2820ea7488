# SPDX-License-Identifier: GPL-2.0-or-later
"""Range tables beside one dictionary entry per TCE, on a partition small enough for both."""

from dataclasses import replace

from benchmarks.scenario import PLATFORM, live, partition
from benchmarks.timing import Figure, in_turns, milliseconds
from conformance.plain import Plain
from model.calls import HcallStatus, PutTceIndirect, StuffTce, TceRun
from model.hypervisor.papr import Papr
from model.profiles import POWERVM_DEDICATED
from model.run import pe_of
from model.types import CONTROL, GIB, KIB, PhysAddr, Span, Tce

PAGES_64K = replace(PLATFORM, name="64K pages", pages=0x3)
ONE_GIB = partition(GIB)
PAGE = 64 * KIB
TCES = GIB // PAGE


def opened(make: type[Papr]) -> Papr:
    """A platform with 1 GiB of RAM; its default window has room for the loops."""
    platform = make(POWERVM_DEDICATED, (pe_of(0),))
    platform.assign_memory(Span(PhysAddr(0), PhysAddr(GIB)))
    return platform


def premap_and_clear(platform: Papr) -> None:
    """A guest's two loops, over as many TCEs as 1 GiB has 64K pages (here in the default window, at 4K pages)."""
    window = platform.windows(pe_of(0))[0]
    page = 1 << window.page_shift
    for kind, first, step in ((PutTceIndirect, CONTROL, page), (StuffTce, 0, 0)):
        run = TceRun(kind, window.liobn, window.base, Tce(first), step, page, TCES, 512)
        assert platform.hcall(run).status is HcallStatus.SUCCESS


def loops_of_hypercalls(repetitions: int) -> list[Figure]:
    """The hypervisor alone."""
    ranged, plain = opened(Papr), opened(Plain)
    many, few = in_turns(lambda: premap_and_clear(plain), lambda: premap_and_clear(ranged), repetitions)
    what = f"set and clear {TCES:,} TCEs: plain / ranges"
    return [Figure(what, milliseconds(many), milliseconds(few), many / few)]


def life_on_one_gib(repetitions: int) -> list[Figure]:
    """The whole scenario with guest and judge, 1 GiB of RAM in 64K pages."""
    many, few = in_turns(
        lambda: live(ONE_GIB, PAGES_64K, Plain), lambda: live(ONE_GIB, PAGES_64K), max(3, repetitions // 3)
    )
    return [Figure("a life on 1 GiB: plain / ranges", milliseconds(many), milliseconds(few), many / few)]
