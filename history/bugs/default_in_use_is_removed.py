# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window is given up, or reset, while it maps memory."""

from history import OPENS, Bug, trace
from model.defects import Defect
from model.events import Map
from model.guest import table
from model.guest.table import Table
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB, Direction, PhysAddr, Span


def nobody_asks(table: Table) -> bool:
    """Linux before the fix: enable_ddw() called iommu_table_in_use() after remove_dma_window(), and not always."""
    return False


BUG = Bug(
    title="powerpc/pseries/iommu: Check if the default window in use before removing it",
    date="2021-10-20",
    release="5.15",
    defect=Defect(
        id="default-in-use-is-removed",
        breaks="mapping-translates",
        replaces=table.in_use,
        by=nobody_asks,
        commits="381ceda88c4c, fixed by 92fe01b7c655",
        root_cause="Whether the table is in use was asked when the window was gone already: live TCEs went with it, and the "
        "error exit could not bring them back.",
    ),
    trace=trace(POWERVM_SRIOV, simple_lpar(GIB), Map(0, Span(PhysAddr(0), PhysAddr(4096)), Direction.TO_DEVICE), OPENS),
)
