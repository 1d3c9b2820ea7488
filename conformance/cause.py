# SPDX-License-Identifier: GPL-2.0-or-later
"""Which defects of a release a finding comes from, seen on the reference guest that has them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from conformance.survey import watch
from model.defects import RELEASES, Defect, apply, of_release
from model.guest.kernel import Kernel
from model.trace import Trace


def closest_release(version: tuple[int, int]) -> str:
    """The release whose defects are known that a kernel of that version is most like: the newest one not after it."""
    before = [release for release in RELEASES if tuple(map(int, release.split("."))) <= version]
    return before[-1] if before else RELEASES[0]


def causes(name: str, trace: Trace, release: str) -> list[Defect]:
    """The defects without which the reference with the defects of `release` would not show a finding on its trace.

    name: the finding's fingerprint. None if the reference does not show it with all of them: then something is wrong that
    no defect describes. If none of them is needed, as each of several is enough, those that show it alone. KeyError if no
    defects are known for the release.
    """
    defects = of_release(release)
    if not _shows(name, trace, defects):
        return []
    needed = [
        defect for defect in defects if not _shows(name, trace, [other for other in defects if other is not defect])
    ]
    return needed or [defect for defect in defects if _shows(name, trace, [defect])]


def _shows(name: str, trace: Trace, defects: Iterable[Defect]) -> bool:
    guest = apply(Kernel, defects)
    return any(sight.fingerprint == name for other in moved(trace) for sight in watch(other, guest)[0])


POINTS = 16
"""Where other CPUs are let in: the C has more points than the model, so that each of these is tried for its traces."""


def moved(trace: Trace) -> Iterator[Trace]:
    """The trace, and with what other CPUs do in its last such step at each point."""
    yield trace
    last = max((number for number, step in enumerate(trace.steps) if step.inside), default=None)
    if last is None:
        return
    step = trace.steps[last]
    for after in range(POINTS):
        there = replace(step, inside=tuple(replace(inside, after=after) for inside in step.inside))
        yield replace(trace, steps=(*trace.steps[:last], there, *trace.steps[last + 1 :]))
