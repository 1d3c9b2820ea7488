# SPDX-License-Identifier: GPL-2.0-or-later
"""vPMEM that becomes system RAM is mapped beyond the direct part."""

from history import OPENS, Bug, trace
from model.defects.premap_ignores_region_end import DEFECT
from model.events import OnlineVpmem
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

BUG = Bug(
    title="powerpc/pseries/iommu: memory notifier incorrectly adds TCEs for pmemory",
    date="2025-01-30",
    release="6.15",
    defect=DEFECT,
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB, vpmem=GIB), OPENS, OnlineVpmem(0)),
)
