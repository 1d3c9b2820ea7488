# SPDX-License-Identifier: GPL-2.0-or-later
"""The allocator hands out entries without marking them as taken."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import allocator
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def without_marking(kernel: "Kernel", table: Table, count: int, mask_page: int, align: int, cpu: int) -> int | None:
    """Allocate, and forget it at once, hint included."""
    hints = [pool.hint for pool in (*table.pools, table.large)]
    entry = allocator.allocate_entries(kernel, table, count, mask_page, align, cpu)
    if entry is not None:
        table.taken.free(entry, count)
        for pool, hint in zip((*table.pools, table.large), hints, strict=True):
            pool.hint = hint
    return entry


DEFECT = Defect(
    id="allocator-forgets",
    breaks="mappings-disjoint",
    replaces=allocator.allocate_entries,
    by=without_marking,
    root_cause="A missing bitmap_set().",
)
