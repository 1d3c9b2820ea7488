# SPDX-License-Identifier: GPL-2.0-or-later
"""The allocator's map of one table, kept as ranges of taken entries. Linux: it_map and lib/bitmap.c."""

from collections.abc import Iterator

from sortedcontainers import SortedDict

from model.types import Span


class EntryMap:
    """Which entries of a table are taken; entries are numbered from the table's first."""

    def __init__(self) -> None:
        self._taken: SortedDict[int, int] = SortedDict()

    def take(self, start: int, count: int) -> None:
        """Mark [start, start + count) as taken. Linux: bitmap_set()."""
        if count <= 0:
            return
        stop = start + count
        for first, last in self._meeting(start, stop):
            del self._taken[first]
            start, stop = min(start, first), max(stop, last)
        self._taken[start] = stop

    def free(self, start: int, count: int) -> None:
        """Mark [start, start + count) as free. Linux: bitmap_clear()."""
        stop = start + count
        for first, last in self._meeting(start, stop):
            if first < stop and start < last:
                del self._taken[first]
                if first < start:
                    self._taken[first] = start
                if stop < last:
                    self._taken[stop] = last

    def free_area(self, start: int, count: int, align: int) -> int:
        """The first aligned index from `start` with `count` free entries. Linux: bitmap_find_next_zero_area()."""
        index = -(-start // align) * align
        while True:
            conflict = next(
                (s for s in self._meeting(index, index + count) if s[0] < index + count and index < s[1]), None
            )
            if conflict is None:
                return index
            index = -(-conflict[1] // align) * align

    def spans(self) -> Iterator[Span[int]]:
        """The taken ranges in order."""
        return (Span(start, stop) for start, stop in self._taken.items())

    def _meeting(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The taken ranges that overlap [start, stop) or border on it."""
        taken = self._taken
        position = max(taken.bisect_right(start) - 1, 0)
        found = []
        for first in taken.islice(position):
            if first > stop:
                break
            if taken[first] >= start:
                found.append((first, taken[first]))
        return found
