# SPDX-License-Identifier: GPL-2.0-or-later
"""How long it takes to make a finding as short as it can be: the longest one that is kept, and one among much else."""

from dataclasses import replace
from pathlib import Path
from statistics import median

import conformance
from benchmarks.timing import Figure, milliseconds, seconds
from conformance import baseline
from conformance.kernel.build import BuildFailed
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import BadTree, read_tree
from conformance.shrink import shrink
from conformance.survey import watch
from ddwcheck.sources import cache_folder
from model.defects import RELEASES, apply, catalogue
from model.events import Ending, Map, Step, Unmap
from model.guest.kernel import Kernel
from model.run import GuestMaker
from model.trace import Trace
from model.types import Direction, PhysAddr, Span
from tests import reports

LONGEST = 60.0
"""Seconds that it may take."""
PAIRS = 200
"""Maps and unmaps that a finding needs none of."""
FINDING = "ram-covered"


def finding_among_others(repetitions: int) -> list[Figure]:
    """A golden finding behind many events, on the model."""
    name, trace = reports.findings()[FINDING]
    long, guest = padded(trace), apply(Kernel, [catalogue()[defect] for defect in trace.defects])
    assert shows(long, name, guest)
    taken = median(
        seconds(lambda: shrink(long, lambda other: shows(other, name, guest))) for _ in range(max(1, repetitions // 5))
    )
    return [_figure(f"a finding among {len(long.steps)} events, shrunk on the model", taken)]


def longest_finding(repetitions: int) -> list[Figure]:
    """The kept finding with the most steps, on the C of the release that has it; none where that is not here."""
    folder = Path(conformance.__file__).parent
    kept = [
        (len(known.trace.steps), release, name, known.trace)
        for release in RELEASES
        for name, known in baseline.load(folder / f"baseline-{release}.json").items()
    ]
    steps, release, name, trace = max(kept, key=lambda one: one[0])
    cache = cache_folder(None)
    try:
        with Kernels(read_tree(cache / f"linux-source-{release}", cache), cache / "programs") as kernels:
            assert shows(trace, name, kernels)
            taken = median(
                seconds(lambda: shrink(trace, lambda other: shows(other, name, kernels)))
                for _ in range(max(1, repetitions // 5))
            )
    except (BadTree, BuildFailed):
        return []
    return [_figure(f"the longest kept finding, {steps} events, shrunk on the C of {release}", taken)]


def _figure(what: str, taken: float) -> Figure:
    return Figure(what, milliseconds(taken), "60 s allowed", taken / LONGEST, 1.0)


def shows(trace: Trace, name: str, guest: GuestMaker) -> bool:
    """Whether a trace shows a finding."""
    return any(sight.fingerprint == name for sight in watch(trace, guest)[0])


def padded(trace: Trace) -> Trace:
    """The trace behind pairs of a map and its end, so that its own mappings have later numbers."""
    memory = Span(PhysAddr(0), PhysAddr(1 << trace.lpar.page))
    pairs = [step for n in range(PAIRS) for step in (Step(Map(0, memory, Direction.TO_DEVICE)), Step(Unmap(n)))]
    return replace(trace, steps=(*pairs, *map(_later, trace.steps)))


def _later(step: Step) -> Step:
    event = step.event
    return replace(step, event=replace(event, mapping=event.mapping + PAIRS)) if isinstance(event, Ending) else step
