# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets of integers as ranges against Python's own sets."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from model.invariants.spans import common, difference, union
from model.types import Span

HOW = settings(max_examples=500, deadline=None, derandomize=True, database=None)
ranges = st.builds(Span[int], st.integers(0, 40), st.integers(0, 40))
many = st.lists(ranges, max_size=12)


def elements(spans: list[Span[int]]) -> set[int]:
    """The integers that ranges stand for."""
    return {k for span in spans for k in range(span.start, span.stop)}


def in_normal_form(spans: list[Span[int]]) -> bool:
    """Whether ranges are non-empty, in order and apart."""
    apart = all(one.stop < other.start for one, other in pairwise(spans))
    return apart and all(span.start < span.stop for span in spans)


@HOW
@given(many)
def test_union_holds_every_element_once(spans: list[Span[int]]) -> None:
    assert elements(union(spans)) == elements(spans)
    assert in_normal_form(union(spans))


@HOW
@given(many, many)
def test_difference_holds_what_only_the_first_has(spans: list[Span[int]], taken: list[Span[int]]) -> None:
    left = difference(union(spans), union(taken))
    assert elements(left) == elements(spans) - elements(taken)
    assert in_normal_form(left)


@HOW
@given(many, many)
def test_common_holds_what_both_have(spans: list[Span[int]], others: list[Span[int]]) -> None:
    both = common(union(spans), union(others))
    assert elements(both) == elements(spans) & elements(others)
    assert in_normal_form(both)
