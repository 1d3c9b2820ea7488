# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCE table kept as ranges: its cost follows the number of ranges, not of entries.

A range holds entries that go up by a constant step: the I/O page size for mapped memory, 0 for equal entries.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from model.interfaces import TceSpan
from model.types import CONTROL, Tce

START, STOP = attrgetter("start"), attrgetter("stop")


class TceTable:
    """The entries of one window, numbered from its base; an entry never written is 0. LoPAR 3.2.2.2.

    step: what consecutive entries of mapped memory differ by, in bytes: the I/O page.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._runs: list[TceSpan] = []

    def __getitem__(self, index: int) -> Tce:
        for run in self.spans(index, index + 1):
            return run.tce
        return Tce(0)

    def __len__(self) -> int:
        """Number of ranges held."""
        return len(self._runs)

    def spans(self, start: int, stop: int) -> Iterator[TceSpan]:
        """The entries that are not zero, in order, cut to [start, stop)."""
        first, last = self._meeting(start, stop)
        found = self._runs[first:last]
        if found and found[0].start < start:  # only the outer ones can reach beyond
            found[0] = _cut(found[0], start, stop)
        if found and found[-1].stop > stop:
            found[-1] = _cut(found[-1], start, stop)
        return iter(found)

    def valid(self) -> bool:
        """Whether any entry grants access."""
        return any(run.tce & CONTROL for run in self._runs)

    def write(self, start: int, tces: Sequence[Tce]) -> None:
        """Store `tces` from entry `start` on."""
        for offset, tce in enumerate(tces):
            self.fill(start + offset, Tce(tce), 0, 1)

    def fill(self, start: int, tce: Tce, step: int, count: int) -> None:
        """Store entries tce, tce + step, ... from entry `start` on; `step` is 0 or the I/O page."""
        if count <= 0:
            return
        self._clear(start, start + count)
        if not tce and step:  # the first of these entries is 0, which is not held
            start, tce, count = start + 1, Tce(step), count - 1
        if tce and count:
            self._insert(TceSpan(start, start + count, tce, step if count > 1 else self._step))

    def _meeting(self, start: int, stop: int) -> tuple[int, int]:
        """The positions, first and behind the last, of the ranges that overlap [start, stop)."""
        first = bisect_right(self._runs, start, key=STOP)
        return first, bisect_left(self._runs, stop, first, key=START)

    def _clear(self, start: int, stop: int) -> None:
        first, last = self._meeting(start, stop)
        touched = self._runs[first:last]
        left = [_cut(run, run.start, start) for run in touched if run.start < start]
        right = [_cut(run, stop, run.stop) for run in touched if run.stop > stop]
        self._runs[first:last] = left + right

    def _insert(self, run: TceSpan) -> None:
        """Add a range, joined with its neighbours where they continue it."""
        runs = self._runs
        first = last = bisect_left(runs, run.start, key=START)
        if last < len(runs) and continues(run, runs[last]):
            run = TceSpan(run.start, runs[last].stop, run.tce, run.step)
            last += 1
        if first > 0 and continues(runs[first - 1], run):
            first -= 1
            run = TceSpan(runs[first].start, run.stop, runs[first].tce, run.step)
        runs[first:last] = [run]


def _cut(run: TceSpan, start: int, stop: int) -> TceSpan:
    """The part of a range that lies in [start, stop), which it overlaps."""
    if start <= run.start and run.stop <= stop:
        return run
    first, last = max(run.start, start), min(run.stop, stop)
    return TceSpan(first, last, Tce(run.tce + (first - run.start) * run.step), run.step)


def continues(before: TceSpan, after: TceSpan) -> bool:
    """Whether two ranges are one."""
    return (
        before.stop == after.start
        and before.step == after.step
        and after.tce == before.tce + (before.stop - before.start) * before.step
    )
