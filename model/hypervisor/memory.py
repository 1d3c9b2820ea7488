# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory that belongs to the partition. LoPAR 14.5.4.2: a TCE may name no other."""

from bisect import bisect_right

from model.types import PhysAddr, Span

FOUR_K = 4096


class Memory:
    """Ranges of logical addresses that the partition owns, disjoint and in order."""

    def __init__(self) -> None:
        self._spans: list[Span[PhysAddr]] = []

    def assign(self, span: Span[PhysAddr]) -> None:
        """Add a range, joined with those it touches."""
        start, stop = span
        kept = []
        for other in self._spans:
            if other.stop < start or other.start > stop:
                kept.append(other)
            else:
                start, stop = min(start, other.start), max(stop, other.stop)
        self._spans = sorted([*kept, Span(start, stop)])

    def release(self, span: Span[PhysAddr]) -> None:
        """Take a range away."""
        parts = []
        for other in self._spans:
            if not other.touches(span):
                parts.append(other)
                continue
            parts += [s for s in (Span(other.start, span.start), Span(span.stop, other.stop)) if s.size > 0]
        self._spans = parts

    def first_foreign(self, start: int, page: int, count: int, checked: int) -> int:
        """The first k in 0..count whose first `checked` bytes at start + k * page are not all owned; `count` if none."""
        k = 0
        while k < count:
            address = start + k * page
            position = bisect_right(self._spans, (address, 1 << 65)) - 1
            if position < 0 or self._spans[position].stop < address + checked:
                return k
            # Every later page that starts early enough in this range is owned too.
            k = (self._spans[position].stop - checked - start) // page + 1
        return count
