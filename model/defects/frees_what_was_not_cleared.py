# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries go back to the allocator although the hypervisor refused to clear their TCEs."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def free_all(kernel: "Kernel", table: Table, first: int, count: int, programmed: int) -> None:
    """Linux: __iommu_free(), which cannot see what clear() answered."""
    kernel.clear_entries(table.liobn, table.address(first), table.page_shift, programmed)
    table.taken.free(first, count)


DEFECT = Defect(
    id="frees-what-was-not-cleared",
    breaks="bitmap-matches-tces",
    replaces=mapping.release_entries,
    by=free_all,
    releases=RELEASES,
    root_cause="iommu_table_ops::clear returns nothing, so a failed H_STUFF_TCE leaves the device with access to memory "
    "that the driver has back.",
)
