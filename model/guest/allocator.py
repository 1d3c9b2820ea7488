# SPDX-License-Identifier: GPL-2.0-or-later
"""Finding free entries. Linux: iommu_range_alloc() in arch/powerpc/kernel/iommu.c, iommu_area_alloc() in lib/."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from model.guest.table import BLOCK, Pool, Table
from model.locks import pool_lock
from model.words import Word, select, umin, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

LARGE = 16
"""Entries from which an allocation is served by the large pool first."""
SEGMENT_BOUNDARY = (1 << 32) - 1
"""A mapping crosses no multiple of this + 1 bytes. Linux: dma_get_seg_boundary()'s default."""


def allocate_entries(
    kernel: "Kernel",
    table: Table,
    count: int,
    mask_page: int,
    align: int,
    cpu: int,
    boundary_mask: int = SEGMENT_BOUNDARY,
    after: int | None = None,
) -> int | None:
    """Take `count` neighbouring entries; their first, or None.

    mask_page: the last I/O page on the bus that the device can address. align: 2^n entries. cpu: picks the pool. after:
    the entry to look at first, behind the element before in a scatterlist.
    """
    # PARAMETERS
    boundary = max(1, (boundary_mask + 1) >> table.page_shift)

    # CHECKS
    if count == 0:
        return None

    # EFFECT, RETURN
    with kernel.port.locked(pool_lock(table.liobn)):
        home = kernel.home_pool(cpu, len(table.pools))
        for pool, start, limit in kernel.search_order(table, count, mask_page, home, after):
            entry = kernel.free_area(table, start, limit, count, align, boundary)
            if entry is not None:
                table.taken.take(entry, count)
                end = entry + count
                pool.hint = end if count >= LARGE else -(-end // BLOCK) * BLOCK
                return entry
        return None


def home_pool(cpu: int, pools: int) -> int:
    """The pool that a CPU looks into first. Linux: setup_iommu_pool_hash()."""
    return cpu % pools


def search_order(
    table: Table, count: int, mask_page: int, home: int, after: int | None
) -> Iterator[tuple[Pool, int, int]]:
    """Where to look, in this order: the pool from `after` if that lies in it, else from its hint, then from its start,
    the other pools, the large pool.

    Where the device cannot address the end of a pool, the search is cut at its mask and restarts in pool 0.
    """
    small, large = table.pools, table.large
    first = large if count >= LARGE else small[home]
    rest = [small[(home + k) % len(small)] for k in range(1, len(small) + 1)]
    for number, pool in enumerate([first, first, *rest, large]):
        if number:
            pool.hint = pool.start
        hint = after if not number and after is not None and pool.start <= after < pool.stop else pool.hint
        start, limit = hint if hint < pool.stop else pool.start, pool.stop
        if limit + table.offset > mask_page:
            limit = int(below_mask(word(table.offset), word(mask_page)))
            if start >= limit or number:
                pool = small[0]  # noqa: PLW2901 as in Linux, the search moves to pool 0
                start = pool.start
        yield pool, start, limit


def below_mask(offset: Word, mask_page: Word) -> Word:
    """Where the entries end that a device can address; 0 if it reaches none. Linux: iommu_range_alloc().

    offset: I/O page on the bus of entry 0. mask_page: the last one within the mask.
    """
    return select(mask_page < offset, 0, mask_page + 1 - umin(offset, mask_page + 1))


def area(table: Table, start: int, limit: int, count: int, align: int, boundary: int) -> int | None:
    """The first fit in [start, limit - 1) that is aligned on the bus and crosses no segment boundary. Linux never uses the
    last entry.
    """
    if count > boundary:
        return None
    while True:
        index = table.taken.free_area(start, count, align, table.offset)
        if index + count >= limit:
            return None
        page = table.offset + index
        if page % boundary + count <= boundary:
            return index
        start = (page + boundary - 1) // boundary * boundary - table.offset
