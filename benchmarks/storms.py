# SPDX-License-Identifier: GPL-2.0-or-later
"""Small scenarios of the kernel's own C a second, in CPU time, and where the time goes.

A scenario is: enable, two maps, two unmaps, teardown, from the state after boot. The tree is one that `ddwcheck sources`
has put into the cache; without one nothing is measured, and the table says so.
"""

from statistics import median

from benchmarks.timing import Figure
from conformance.kernel.build import Variant
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import Tree, read_tree
from conformance.storm import Batch
from ddwcheck.sources import cache_folder
from model.events import Detach, Map, SetMask, Step, Unmap
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

RELEASES = ("7.3", "6.12")
"""Trees to measure: the first that is there."""
SCRIPTS = 10_000
LEAST = {False: 3000, True: 500}
"""Scenarios a second that there should be: of the plain build, and of the sanitized one."""
LPAR = simple_lpar(4 * GIB)
MASK = DmaMask((1 << 64) - 1)
LIMITED = DmaMask((1 << 31) - 1)
PARTS = ("restoring the state", "drawing", "the hypervisor", "checks", "all")


def _life(mask: DmaMask) -> list[Step]:
    maps = [
        Step(Map(0, Span(PhysAddr(start), PhysAddr(start + 0x10000)), Direction.BIDIRECTIONAL))
        for start in (0, 0x100000)
    ]
    return [Step(SetMask(0, mask)), *maps, Step(Unmap(0)), Step(Unmap(1)), Step(Detach(0))]


LIVES = {"direct": _life(MASK), "by TCEs": _life(LIMITED)}
"""With a window that pre-maps RAM, and with a mask that leaves the default window, where each map takes TCEs."""


def newest() -> Tree | None:
    """A tree in the cache."""
    for release in RELEASES:
        folder = cache_folder(None) / f"linux-source-{release}"
        if folder.is_dir():
            return read_tree(folder, cache_folder(None))
    return None


def scenarios_a_second(repetitions: int) -> list[Figure]:
    """Both lives in both builds, each beside what there should be a second; the ratio is time taken over time allowed."""
    tree = newest()
    if tree is None:
        return [
            Figure("small scenarios of the C: not measured, no kernel tree (ddwcheck sources)", "-", "-", float("nan"))
        ]
    figures = []
    for sanitized, least in LEAST.items():
        with Kernels(tree, cache_folder(None) / "programs", Variant(sanitized=sanitized)) as kernels:
            for name, life in LIVES.items():
                rate = median(_rate(kernels, life) for _ in range(max(3, repetitions // 3)))
                what = f"{tree.release}, {'sanitized' if sanitized else 'plain'}, maps {name}: scenarios/s of CPU time"
                figures.append(Figure(what, f"{rate:,.0f}/s", f"{least}/s", least / rate, 1.0))
            if not sanitized:
                figures += _shares(kernels)
    return figures


def _rate(kernels: Kernels, life: list[Step]) -> float:
    batch = kernels.storm(16).run(Batch(POWERVM_DEDICATED, LPAR, SCRIPTS, given=[life]))
    assert batch.run == SCRIPTS and not batch.suspects and not batch.beyond
    return batch.run / batch.microseconds * 1e6


def _shares(kernels: Kernels) -> list[Figure]:
    """Where the time of the first life goes; what is left is the kernel's own."""
    batch = kernels.storm(16).run(Batch(POWERVM_DEDICATED, LPAR, SCRIPTS, given=[LIVES["direct"]], timed=True))
    shares = dict(zip(PARTS, (ticks / batch.ticks[-1] for ticks in batch.ticks), strict=True))
    shares["the kernel's code and its stand-ins"] = 2.0 - sum(shares.values())
    del shares["all"], shares["drawing"]
    return [Figure(f"  of which {part}", f"{share:.0%}", "100%", share) for part, share in shares.items()]
