# SPDX-License-Identifier: GPL-2.0-or-later
"""From bytes of memory to I/O pages. Pure decisions.

Linux: tce_setrange_multi_pSeriesLP(), tce_clearrange_multi_pSeriesLP(), iommu_num_pages().
"""

from typing import NamedTuple

from model.words import Word, floor_to, select, umin, word


class IoPages(NamedTuple):
    """`number` I/O pages from page `first` on; page k begins at byte k << page shift."""

    first: Word
    number: Word


def pages_touched(start: Word, size: Word, page_shift: Word) -> IoPages:
    """The I/O pages that hold at least one byte of [start, start + size). Linux: iommu_num_pages()."""
    if size == 0:
        return IoPages(start >> page_shift, word(0))
    first = start >> page_shift
    return IoPages(first, ((start + (size - 1)) >> page_shift) - first + 1)


def pages_to_set(start: Word, stop: Word, page_shift: Word) -> IoPages:
    """The I/O pages that reach all of [start, stop) of RAM. Linux means: tce_setrange_multi_pSeriesLP()."""
    return pages_touched(start, stop - start, page_shift)


def pages_to_clear(start: Word, stop: Word, before: Word, after: Word, page_shift: Word) -> IoPages:
    """The I/O pages that only [start, stop) needs. Linux means: tce_clearrange_multi_pSeriesLP().

    before: where the nearest online RAM below ends (0 if none). after: where the nearest above begins (2^64 - 1 if
    none). An I/O page that straddles them stays mapped, since its other half is still in use.
    """
    last = (stop - 1) >> page_shift
    kept_below = before > floor_to(start, page_shift)
    kept_above = (after >> page_shift) <= last
    first = select(kept_below, (start >> page_shift) + 1, start >> page_shift)
    end = select(kept_above, last, last + 1)
    return IoPages(umin(first, end), end - umin(first, end))


def clip(start: Word, stop: Word, limit: Word) -> tuple[Word, Word]:
    """[start, stop) cut to what lies below `limit`; empty as (limit, limit)."""
    return umin(start, limit), umin(stop, limit)
