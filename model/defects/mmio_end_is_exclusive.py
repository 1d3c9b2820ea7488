# SPDX-License-Identifier: GPL-2.0-or-later
"""The last I/O page of 32-bit MMIO is not reserved: the resource's inclusive end is used as an exclusive one."""

from model.defects import RELEASES, Defect
from model.guest import pools
from model.guest.pools import Reserved
from model.words import Word, umax, umin, word


def without_last_page(base: Word, entries: Word, page_shift: Word, mmio_start: Word, mmio_stop: Word) -> Reserved:
    """Linux: enable_ddw() passes mem_resources[i].end >> page_shift; iommu_table_reserve_pages() stops before it."""
    if mmio_start >= mmio_stop:
        return Reserved(word(0), word(0))
    first_page = base >> page_shift
    start = umax(mmio_start >> page_shift, first_page)
    stop = umin((mmio_stop - 1) >> page_shift, first_page + entries)
    if start >= stop:
        return Reserved(word(0), word(0))
    return Reserved(start - first_page, stop - first_page)


DEFECT = Defect(
    id="mmio-end-is-exclusive",
    breaks="handle-in-mask",
    replaces=pools.mmio_entries,
    by=without_last_page,
    releases=RELEASES,
    commits="3c33066a2190",
    root_cause="struct resource::end is the last byte; shifted it is the last page, which the loop leaves out. (The kernel "
    "also takes CPU addresses for bus addresses here, so on PowerVM it reserves nothing in such a window.)",
)
