# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments of scatterlists and the device's limits. Rules: `model.guest.scatterlist`."""

from typing import Any

from model.defects.merge_ignores_boundary import not_looked_at
from model.guest.scatterlist import inside_boundary, may_merge, merge_keeps_boundary
from model.types import SegmentLimits, Span
from model.words import umin
from proofs.case import Case, Claim, assumption, implies, negate
from proofs.obligation import obligation


class SegmentCase(Case):
    """Any segment, any boundary, any byte of it."""

    def declare(self) -> None:
        """Declare the segment, the boundary mask and a byte."""
        self.start, self.stop, self.byte = self.word("start"), self.word("stop"), self.word("byte")
        self.boundary, self.middle = self.word("boundary"), self.word("middle")
        self.longest = self.word("longest")

    @assumption
    def segment_is_real(self) -> Any:
        """The segment has a byte."""
        return self.start < self.stop

    @assumption
    def boundary_is_a_run(self) -> Any:
        """The boundary is a run of low one bits below 2^63."""
        return (self.boundary < 1 << 63) & (self.boundary & (umin(self.boundary, 1 << 63) + 1) == 0)

    @assumption
    def pieces_meet(self) -> Any:
        """The segment is made of two, each with a byte, that meet in the middle."""
        return (self.start < self.middle) & (self.middle < self.stop)

    @property
    def segment(self) -> Any:
        """The segment as a range."""
        return Span(self.start, self.stop)

    @property
    def crosses(self) -> Any:
        """Whether the byte is the first of another stretch between two boundaries, and not the segment's first."""
        return (self.start < self.byte) & (self.byte < self.stop) & (self.byte & self.boundary == 0)


def only_its_length(segment: Any, boundary: Any) -> Any:
    """Wrong: compares the length alone."""
    return segment.stop - segment.start - 1 <= boundary


def end_is_a_byte(segment: Any, boundary: Any) -> Any:
    """Wrong: a segment that ends at a boundary counts as one that crosses it."""
    return segment.start | boundary == segment.stop | boundary


@obligation(supports="handle-in-mask", about=inside_boundary, mutant=only_its_length)
def a_segment_inside_its_boundary_crosses_none(c: SegmentCase) -> Claim:
    """No multiple of the boundary lies inside a segment that passes."""
    passes = c.rule(c.segment, c.boundary)
    return c.claim(
        assume=[c.segment_is_real, c.boundary_is_a_run],
        cover={"up to the boundary": passes & (c.stop & c.boundary == 0) & (c.boundary > 0)},
        goal=negate(passes & c.crosses),
    )


@obligation(supports="limit-matches-split", about=inside_boundary, mutant=end_is_a_byte)
def a_segment_that_crosses_no_boundary_passes(c: SegmentCase) -> Claim:
    """A segment within one stretch between boundaries passes."""
    whole = c.start | c.boundary >= c.stop - 1
    return c.claim(
        assume=[c.segment_is_real, c.boundary_is_a_run],
        cover={"up to the boundary": whole & (c.start | c.boundary == c.stop - 1)},
        goal=implies(whole, c.rule(c.segment, c.boundary)),
    )


@obligation(supports="handle-in-mask", about=merge_keeps_boundary, mutant=not_looked_at)
def merged_segments_cross_no_boundary(c: SegmentCase) -> Claim:
    """No multiple of the boundary lies inside two segments that become one."""
    merges = c.rule(c.segment, c.boundary)
    return c.claim(
        assume=[c.segment_is_real, c.boundary_is_a_run],
        cover={"merged": merges},
        goal=negate(c.crosses & merges),
    )


def length_ignored(kernel: Any, before: Any, segment: Any, limits: Any) -> Any:
    """Wrong: whatever meets becomes one segment."""
    return kernel.merge_keeps_boundary(Span(before.start, segment.stop), limits.boundary)


@obligation(supports="handle-in-mask", about=may_merge, mutant=length_ignored)
def merged_segments_are_no_longer_than_the_device_takes(c: SegmentCase) -> Claim:
    """Two segments that become one are together no longer than the device takes."""
    before, segment = Span(c.start, c.middle), Span(c.middle, c.stop)
    if not c.rule(c.kernel, before, segment, SegmentLimits(c.longest, c.boundary)):
        return c.claim(assume=[c.pieces_meet], cover={"kept apart": True}, goal=True)
    return c.claim(
        assume=[c.pieces_meet],
        cover={"as long as it takes": c.stop - c.start == c.longest},
        goal=c.stop - c.start <= c.longest,
    )
