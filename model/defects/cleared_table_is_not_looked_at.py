# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries that firmware would not clear when a table was set up are handed out."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import table
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def clear_only(kernel: "Kernel", table: Table) -> None:
    """Linux: iommu_table_clear(); clear() returns nothing."""
    kernel.clear_entries(table.liobn, table.address(0), table.page_shift, table.entries)


DEFECT = Defect(
    id="cleared-table-is-not-looked-at",
    breaks=None,
    replaces=table.clear_table,
    by=clear_only,
    releases=RELEASES,
    root_cause="Of no consequence as long as new windows are empty (A7): what was not cleared grants no access.",
)
