# SPDX-License-Identifier: GPL-2.0-or-later
"""A search cut at the device's mask may begin and end anywhere, when the table lies above the mask."""

from collections.abc import Iterator

from model.defects import RELEASES, Defect
from model.guest import allocator
from model.guest.allocator import LARGE
from model.guest.table import Pool, Table

WORD = (1 << 64) - 1


def as_range_alloc(
    table: Table, count: int, mask_page: int, home: int, after: int | None
) -> Iterator[tuple[Pool, int, int]]:
    """Linux: iommu_range_alloc()."""
    small, large = table.pools, table.large
    pool = large if count >= LARGE else small[home]
    for number in range(len(small) + 3):
        hint = after if not number and after is not None and pool.start <= after < pool.stop else pool.hint
        start, limit = hint, pool.stop
        if start >= limit:
            start = pool.start
        if limit + table.offset > mask_page:
            limit = mask_page - table.offset + 1 & WORD
            if start & mask_page >= limit or number:
                pool = small[0]
                start = pool.start
            else:
                start &= mask_page
        yield pool, start, limit
        if 0 < number <= len(small):
            pool = small[(home + number) % len(small)]
        elif number > len(small):
            pool = large
        pool.hint = pool.start


DEFECT = Defect(
    id="search-wraps-at-the-mask",
    breaks=None,
    replaces=allocator.search_order,
    by=as_range_alloc,
    releases=RELEASES,
    root_cause="mask - it_offset + 1 is unsigned: a table above the mask gets a limit near 2^64, and a handle beyond the "
    "mask comes back. Harmless where no such table is used.",
)
