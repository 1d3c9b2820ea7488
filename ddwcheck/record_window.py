# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCE table as a record tells it, kept as ranges: cost follows what a call touches, not what else is mapped."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple


class Run(NamedTuple):
    """Valid entries [start, stop) that map consecutive I/O pages, the first of them number `page`, with the same access."""

    start: int
    stop: int
    page: int
    access: int


START, STOP = attrgetter("start"), attrgetter("stop")


@dataclass(slots=True)
class Window:
    """base, size: bytes; size None: the default window, whose size no trace shows. shift: log2 of the I/O page.

    direct: whether it is to map RAM 1:1, None where nothing tells.
    """

    base: int
    shift: int
    size: int | None = None
    direct: bool | None = False
    runs: list[Run] = field(default_factory=list)

    def put(self, start: int, stop: int, page: int, access: int) -> None:
        """Set entries to I/O pages from `page` on, or clear them: access 0."""
        runs = self.runs
        first = last = bisect_left(runs, start, key=STOP)  # the one that ends here as well, for it may go on
        while last < len(runs) and runs[last].start < stop:
            last += 1
        if first == last:
            if access:
                runs.insert(first, Run(start, stop, page, access))
            return
        touched = runs[first:last]
        left = [run._replace(stop=start) for run in touched if run.start < start]
        right = [run._replace(start=stop, page=run.page + stop - run.start) for run in touched if run.stop > stop]
        if left and left[-1] == (left[-1].start, start, page - start + left[-1].start, access):
            left[-1] = left[-1]._replace(stop=stop)
        elif access:
            left.append(Run(start, stop, page, access))
        runs[first:last] = left + right

    def at(self, entry: int) -> Run | None:
        """The run that an entry is in, None if it is not valid."""
        position = bisect_right(self.runs, entry, key=START) - 1
        return self.runs[position] if position >= 0 and entry < self.runs[position].stop else None

    def reached(self, access: Iterable[int]) -> list[tuple[int, int]]:
        """The memory, in bytes, that lies at its own address counted from the base, with one of these kinds of access."""
        own = (run for run in self.runs if run.start == run.page and run.access in access)
        return union((run.start << self.shift, run.stop << self.shift) for run in own)


def union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, joined where they meet."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        elif start < stop:
            found.append((start, stop))
    return found


def minus(spans: Iterable[tuple[int, int]], taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of `spans` is in none of `taken`; both as `union` gives them."""
    left = []
    for start, stop in spans:
        at = start
        for first, last in taken:
            if last > at and first < stop:
                if first > at:
                    left.append((at, first))
                at = max(at, last)
        if at < stop:
            left.append((at, stop))
    return left
