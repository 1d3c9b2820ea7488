# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that dumps has no table for a window that took the default one's place."""

from history import OPENS, Bug, trace
from model.defects.no_table_without_default import DEFECT
from model.events import Kdump
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB, MIB, PhysAddr, Span

BUG = Bug(
    title="powerpc/pseries/iommu: IOMMU table is not initialized for kdump over SR-IOV",
    date="2024-01-25",
    release="6.8",
    defect=DEFECT,
    trace=trace(POWERVM_SRIOV, simple_lpar(GIB), OPENS, Kdump(Span(PhysAddr(64 * MIB), PhysAddr(128 * MIB)))),
)
