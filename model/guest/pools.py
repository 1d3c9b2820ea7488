# SPDX-License-Identifier: GPL-2.0-or-later
"""How a TCE table is laid out: pools, the large pool, and reserved entries. Pure decisions.

Linux: iommu_init_table(), iommu_table_reserve_pages(), get_pool() in arch/powerpc/kernel/iommu.c.
"""

from typing import NamedTuple

from model.words import Word, select, umax, umin, word

NR_POOLS_SHIFT = 2
"""log2 of the number of pools. Linux: IOMMU_POOL_HASHBITS."""
POOLED_FROM = 1 << 30
"""Bytes from which a table is split into pools."""


class Pools(NamedTuple):
    """`number` pools of `size` entries each, from entry 0; the large pool is [number * size, entries)."""

    number: Word
    size: Word


class Reserved(NamedTuple):
    """Entries [start, stop) that are never allocated."""

    start: Word
    stop: Word


def pool_layout(entries: Word, page_shift: Word) -> Pools:
    """The pools of a table; its top quarter is for large allocations. Linux: iommu_init_table()."""
    # Compare in entries: the table's size in bytes may need 65 bits.
    pooled = entries >= umax(word(1), word(POOLED_FROM) >> page_shift)
    shift = select(pooled, word(NR_POOLS_SHIFT), word(0))
    return Pools(1 << shift, ((entries * 3) >> 2) >> shift)


def mmio_entries(base: Word, entries: Word, page_shift: Word, mmio_start: Word, mmio_stop: Word) -> Reserved:
    """The entries of a table at bus address `base` whose I/O page touches [mmio_start, mmio_stop).

    All are bus addresses. Linux: iommu_table_reserve_pages(), fed by enable_ddw().
    """
    if mmio_start >= mmio_stop:
        return Reserved(word(0), word(0))
    first_page = base >> page_shift
    start = umax(mmio_start >> page_shift, first_page)
    stop = umin(((mmio_stop - 1) >> page_shift) + 1, first_page + entries)
    if start >= stop:
        return Reserved(word(0), word(0))
    return Reserved(start - first_page, stop - first_page)
