# SPDX-License-Identifier: GPL-2.0-or-later
"""A broken axis: every range that something begins or ends in is equally high, and what lies between is left out.

So 64 KiB and 2^63 bytes are both readable; lengths on the axis say nothing, the order and the labels do.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from model.types import Span


class Segment(NamedTuple):
    """A range of addresses and where it is drawn, from `top` to `bottom`."""

    span: "Span[int]"
    top: int
    bottom: int


class Axis(NamedTuple):
    """The segments in the order of their addresses, which grow downwards. breaks: the middle of each gap."""

    segments: tuple[Segment, ...]
    breaks: tuple[int, ...]
    bottom: int

    def place(self, span: "Span[int]") -> tuple[int, int]:
        """From where to where a range is drawn; KeyError unless the axis was made for it."""
        tops = {segment.span.start: segment.top for segment in self.segments}
        bottoms = {segment.span.stop: segment.bottom for segment in self.segments}
        return tops[span.start], bottoms[span.stop]

    def middle(self, address: int) -> int:
        """The middle of the segment that holds an address; StopIteration if it lies in what is left out."""
        return next((part.top + part.bottom) // 2 for part in self.segments if part.span.holds(address))

    def ticks(self) -> list[tuple[int, int]]:
        """Each address at which something begins or ends, and where; the end of a range is the byte behind it."""
        found = {(segment.span.start, segment.top) for segment in self.segments}
        return sorted(
            found | {(segment.span.stop, segment.bottom) for segment in self.segments}, key=lambda tick: tick[1]
        )


def axis(spans: Iterable["Span[int]"], top: int, height: int, gap: int) -> Axis:
    """The axis on which all of `spans` can be placed. height: of a segment; gap: of what is left out."""
    kept = [span for span in spans if span.size > 0]
    segments: list[Segment] = []
    breaks: list[int] = []
    at = top
    for start, stop in pairwise(sorted({end for span in kept for end in span})):
        part = Span(start, stop)
        if not any(span.covers(part) for span in kept):
            breaks.append(at + gap // 2)
            at += gap
            continue
        segments.append(Segment(part, at, at + height))
        at += height
    return Axis(tuple(segments), tuple(breaks), at)
