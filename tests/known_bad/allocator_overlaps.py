# SPDX-License-Identifier: GPL-2.0-or-later
"""The allocator hands out the last entry of the mapping below a second time."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import allocator
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def one_entry_early(
    kernel: "Kernel", table: Table, count: int, mask_page: int, align: int, cpu: int, *wanted: int | None
) -> int | None:
    """Allocate, and move down by one entry where that entry is taken already."""
    first = (table.span.start - table.window_base) >> table.page_shift
    before = table.allocated()
    entry = allocator.allocate_entries(kernel, table, count, mask_page, align, cpu, *wanted)  # type: ignore[arg-type]
    if entry is None or not any(span.holds(first + entry - 1) for span in before):
        return entry
    table.taken.free(entry + count - 1, 1)
    return entry - 1


DEFECT = Defect(
    id="allocator-overlaps",
    breaks="mappings-disjoint",
    replaces=allocator.allocate_entries,
    by=one_entry_early,
    root_cause="Off by one at the start of the free area.",
)
