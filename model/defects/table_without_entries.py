# SPDX-License-Identifier: GPL-2.0-or-later
"""A dynamic part that is smaller than an I/O page is a table without entries, whose map is asked of vmalloc."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import table
from model.guest.table import Table
from model.interfaces import Crash
from model.types import BusAddress, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def whatever_its_size(kernel: "Kernel", new: Table, mmio32: Span[BusAddress] | None) -> bool:
    """Linux: vzalloc() of no bytes in iommu_init_table()."""
    if new.entries == 0:
        raise Crash("WARN at arch/powerpc/kernel/iommu.c:740")
    return table.init_table(kernel, new, mmio32)


DEFECT = Defect(
    id="table-without-entries",
    breaks=None,
    replaces=table.init_table,
    by=whatever_its_size,
    releases=("6.12", "7.2", "7.3"),
    root_cause="Nobody makes sure that what a window leaves for vPMEM holds a page: a warning of vmalloc, and a table "
    "without a map.",
)
