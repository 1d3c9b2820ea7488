# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets of integers as sorted lists of disjoint ranges. The judge's own: neither side that it judges uses it."""

from collections.abc import Iterable, Sequence

from model.types import Span


def union(spans: Iterable["Span[int]"]) -> "list[Span[int]]":
    """All elements of all ranges."""
    result: list[Span[int]] = []
    for span in sorted(spans):
        if span.start >= span.stop:
            continue
        if result and span.start <= result[-1].stop:
            result[-1] = Span(result[-1].start, max(result[-1].stop, span.stop))
        else:
            result.append(span)
    return result


def difference(spans: Sequence["Span[int]"], taken: Sequence["Span[int]"]) -> "list[Span[int]]":
    """Elements of `spans` that are not in `taken`; both as `union` gives them."""
    result = []
    for start, stop in spans:
        at = start
        for other in taken:
            if other.stop <= at:
                continue
            if other.start >= stop:
                break
            if other.start > at:
                result.append(Span(at, other.start))
            at = max(at, other.stop)
        if at < stop:
            result.append(Span(at, stop))
    return result


def common(spans: Sequence["Span[int]"], others: Sequence["Span[int]"]) -> "list[Span[int]]":
    """Elements of `spans` that are in `others` as well; both as `union` gives them."""
    return difference(spans, difference(spans, others))
