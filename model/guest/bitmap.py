# SPDX-License-Identifier: GPL-2.0-or-later
"""The allocator's map of one table, kept as ranges of taken entries. Linux: it_map and lib/bitmap.c."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import attrgetter

from model.types import Span

START, STOP = attrgetter("start"), attrgetter("stop")


class EntryMap:
    """Which entries of a table are taken; entries are numbered from the table's first."""

    def __init__(self) -> None:
        self._taken: list[Span[int]] = []

    def take(self, start: int, count: int) -> None:
        """Mark [start, start + count) as taken. Linux: bitmap_set()."""
        if count <= 0:
            return
        stop = start + count
        first = bisect_left(self._taken, start, key=STOP)
        last = bisect_right(self._taken, stop, first, key=START)
        if first < last:  # these overlap the new range or border on it
            start, stop = min(start, self._taken[first].start), max(stop, self._taken[last - 1].stop)
        self._taken[first:last] = [Span(start, stop)]

    def free(self, start: int, count: int) -> None:
        """Mark [start, start + count) as free. Linux: bitmap_clear()."""
        stop = start + count
        first = bisect_right(self._taken, start, key=STOP)
        last = bisect_left(self._taken, stop, first, key=START)
        left = [Span(s.start, start) for s in self._taken[first:last] if s.start < start]
        right = [Span(stop, s.stop) for s in self._taken[first:last] if stop < s.stop]
        self._taken[first:last] = left + right

    def any(self) -> bool:
        """Whether an entry is taken. Linux: find_next_bit()."""
        return bool(self._taken)

    def free_area(self, start: int, count: int, align: int, offset: int = 0) -> int:
        """The first index from `start` with `count` free entries for which index + offset is a multiple of `align`.

        Linux: bitmap_find_next_zero_area_off().
        """
        index = -(-(start + offset) // align) * align - offset
        for span in self._taken[bisect_right(self._taken, index, key=STOP) :]:
            if span.start >= index + count:
                break
            index = max(index, -(-(span.stop + offset) // align) * align - offset)
        return index

    def spans(self) -> Iterator[Span[int]]:
        """The taken ranges in order."""
        return iter(self._taken)
