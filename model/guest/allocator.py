# SPDX-License-Identifier: GPL-2.0-or-later
"""Finding free entries. Linux: iommu_range_alloc() in arch/powerpc/kernel/iommu.c, iommu_area_alloc() in lib/."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from model.guest.table import BLOCK, Pool, Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

LARGE = 16
"""Entries from which an allocation is served by the large pool first."""
SEGMENT_BOUNDARY = 1 << 32
"""Bytes; a mapping never crosses a multiple of it. Linux: dma_get_seg_boundary()'s default."""


def allocate_entries(kernel: "Kernel", table: Table, count: int, mask_page: int, align: int, cpu: int) -> int | None:
    """Take `count` neighbouring entries; their first, or None.

    mask_page: the last I/O page on the bus that the device can address. align: 2^n entries. cpu: picks the pool.
    """
    # PARAMETERS
    boundary = max(1, SEGMENT_BOUNDARY >> table.page_shift)

    # CHECKS
    if count == 0 or count > boundary:
        return None

    # EFFECT
    for pool, start, limit in kernel.search_order(table, count, mask_page, cpu):
        entry = kernel.free_area(table, start, limit, count, align, boundary)
        if entry is not None:
            table.taken.take(entry, count)
            end = entry + count
            pool.hint = end if count >= LARGE else -(-end // BLOCK) * BLOCK

            # RETURN
            return entry
    return None


def search_order(table: Table, count: int, mask_page: int, cpu: int) -> Iterator[tuple[Pool, int, int]]:
    """Where to look, in this order: the pool from its hint, from its start, the other pools, the large pool.

    Where the device cannot address the end of a pool, the search is cut at its mask and restarts in pool 0.
    """
    small, large = table.pools, table.large
    home = cpu % len(small)
    first = large if count >= LARGE else small[home]
    rest = [small[(home + k) % len(small)] for k in range(1, len(small) + 1)]
    for number, pool in enumerate([first, first, *rest, large]):
        if number:
            pool.hint = pool.start
        start, limit = pool.hint if pool.hint < pool.stop else pool.start, pool.stop
        if limit + table.offset > mask_page:
            limit = mask_page - table.offset + 1
            if start >= limit or number:
                pool = small[0]  # noqa: PLW2901 as in Linux, the search moves to pool 0
                start = pool.start
        yield pool, start, limit


def area(table: Table, start: int, limit: int, count: int, align: int, boundary: int) -> int | None:
    """The first fit in [start, limit - 1) that crosses no segment boundary. Linux never uses the last entry."""
    while True:
        index = table.taken.free_area(start, count, align)
        if index + count > limit - 1:
            return None
        page = table.offset + index
        if page % boundary + count <= boundary:
            return index
        start = -(-page // boundary) * boundary - table.offset
