# SPDX-License-Identifier: GPL-2.0-or-later
"""A default window whose table could not be had crashes the kernel when a driver asks for another one in its place."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.table import Table
from model.interfaces import Crash
from model.invariants.registry import GUEST_CRASH

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def whatever_there_is(kernel: "Kernel", table: Table | None) -> bool:
    """Linux: enable_ddw() hands table_group->tables[0] to iommu_table_in_use()."""
    if table is None:
        raise Crash("NULL pointer in iommu_table_in_use()")
    return enable.default_in_use(kernel, table)


DEFECT = Defect(
    id="missing-table-is-looked-at",
    breaks=GUEST_CRASH,
    replaces=enable.default_in_use,
    by=whatever_there_is,
    releases=("6.12", "7.2", "7.3"),
    root_cause="spapr_tce_release_ownership() may find no memory for the table, or no default window to restore; the next "
    "driver that sets its mask is not to know.",
)
