# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that comes online is mapped in windows of dynamic TCEs."""

from dataclasses import replace

from history import OPENS, Bug, trace
from model.defects.notifier_takes_every_window import DEFECT
from model.events import Online
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

BUG = Bug(
    title="powerpc/iommu: TCEs are incorrectly manipulated with DLPAR add/remove of memory",
    date="2023-06-13",
    release="6.5",
    defect=DEFECT,
    trace=trace(replace(POWERVM_DEDICATED, block=1 << 12), simple_lpar(12 * GIB), OPENS, Online(1)),
)
