# SPDX-License-Identifier: GPL-2.0-or-later
"""An empty pool is searched to the end of the world, and a span longer than the segment for ever."""

from model.defects import RELEASES, Defect
from model.guest import allocator
from model.guest.table import Table
from model.interfaces import Crash

WORD = (1 << 64) - 1


def as_area_alloc(table: Table, start: int, limit: int, count: int, align: int, boundary: int) -> int | None:
    """Linux: iommu_area_alloc(); what lies behind the bitmap is taken for free here."""
    size = limit - 1 & WORD
    while True:
        index = table.taken.free_area(start, count, align)
        if index + count > size:
            return None
        page = table.offset + index
        if page % boundary + count <= boundary:
            return index
        start = -(-page // boundary) * boundary - table.offset
        if start == index:
            raise Crash("endless loop: an allocation longer than the segment boundary")


DEFECT = Defect(
    id="area-wraps-at-an-empty-pool",
    breaks=None,
    replaces=allocator.area,
    by=as_area_alloc,
    releases=RELEASES,
    root_cause="A table of less than 6 entries has pools of none; the limit of 0, less 1, is 2^64 - 1, and when the table is "
    "full a handle outside the window comes back. An allocation that is longer than the segment boundary is tried again at "
    "the same place. Both are too rare for the machines to meet. Nor are entries aligned on the "
    "bus, only in the table: a coherent buffer larger than the direct part below it is not aligned to its size.",
)
