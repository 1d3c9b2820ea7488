# SPDX-License-Identifier: GPL-2.0-or-later
"""A table is said to be in use because its bus page 0 is reserved."""

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import table
from model.guest.table import Table
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB


def page_0_too(table: Table) -> bool:
    """Linux before the fix: iommu_table_in_use() looked behind the reserved range, which was empty, from entry 0 on."""
    mmio = [reserved for reserved in table.reserved if reserved.start > 0]
    return bool(table.allocated()) or (not mmio and bool(table.reserved))


BUG = Bug(
    title="powerpc/iommu: Fix iommu_table_in_use for a small default DMA window case",
    date="2022-07-14",
    release="6.0",
    defect=Defect(
        id="reserved-page-counts-as-used",
        breaks=None,
        replaces=table.in_use,
        by=page_0_too,
        commits="3c33066a2190, fixed by d80f6de9d601",
        root_cause="Without MMIO to reserve both ends of the reserved range are 0, and bus page 0, which is reserved by "
        "itself, is found to be taken: the device gets no dynamic window, and user space not the device.",
    ),
    trace=trace(POWERVM_SRIOV, simple_lpar(GIB), OPENS),
)
