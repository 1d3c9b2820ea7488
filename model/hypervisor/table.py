# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCE table kept as ranges: its cost follows the number of ranges, not of entries.

A range holds entries that go up by a constant step: the I/O page size for mapped memory, 0 for equal entries.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from sortedcontainers import SortedDict

from model.interfaces import TceSpan
from model.types import CONTROL, Tce


class TceTable:
    """The entries of one window, numbered from its base; an entry never written is 0. LoPAR 3.2.2.2.

    step: what consecutive entries of mapped memory differ by, in bytes: the I/O page.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._runs: SortedDict[int, TceSpan] = SortedDict()

    def __getitem__(self, index: int) -> Tce:
        for run in self.spans(index, index + 1):
            return run.tce
        return Tce(0)

    def __len__(self) -> int:
        """Number of ranges held."""
        return len(self._runs)

    def spans(self, start: int, stop: int) -> Iterator[TceSpan]:
        """The entries that are not zero, in order, cut to [start, stop)."""
        runs = self._runs
        for key in runs.islice(max(runs.bisect_right(start) - 1, 0)):
            run = runs[key]
            if run.start >= stop:
                return
            if run.stop > start:
                yield _cut(run, start, stop)

    def valid(self) -> bool:
        """Whether any entry grants access."""
        return any(run.tce & CONTROL for run in self._runs.values())

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

    def _clear(self, start: int, stop: int) -> None:
        runs = self._runs
        position = runs.bisect_left(start) - 1
        if position >= 0 and runs.peekitem(position)[1].stop <= start:
            position += 1
        touched = list(takewhile(lambda key: key < stop, runs.islice(max(position, 0))))
        for key in touched:
            run = runs.pop(key)
            if run.start < start:
                left = _cut(run, run.start, start)
                runs[left.start] = left
            if run.stop > stop:
                right = _cut(run, stop, run.stop)
                runs[right.start] = right

    def _insert(self, run: TceSpan) -> None:
        """Add a range, joined with its neighbours where they continue it."""
        runs = self._runs
        position = runs.bisect_left(run.start)
        if position < len(runs):
            after = runs.peekitem(position)[1]
            if after.start == run.stop and _continues(run, after):
                del runs[after.start]
                run = TceSpan(run.start, after.stop, run.tce, run.step)
        if position > 0:
            before = runs.peekitem(position - 1)[1]
            if before.stop == run.start and _continues(before, run):
                run = TceSpan(before.start, run.stop, before.tce, before.step)
        runs[run.start] = run


def _cut(run: TceSpan, start: int, stop: int) -> TceSpan:
    first, last = max(run.start, start), min(run.stop, stop)
    return TceSpan(first, last, Tce(run.tce + (first - run.start) * run.step), run.step)


def _continues(before: TceSpan, after: TceSpan) -> bool:
    return before.step == after.step and after.tce == before.tce + (before.stop - before.start) * before.step
