# SPDX-License-Identifier: GPL-2.0-or-later
"""After kexec a default window is looked for that was removed."""

from history import OPENS, Bug, trace
from model.defects.removed_default_stays_in_the_tree import DEFECT
from model.events import Kexec
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB

BUG = Bug(
    title="pseries/iommu/ddw: Fix kdump to work in absence of ibm,dma-window",
    date="2022-06-16",
    release="6.0",
    defect=DEFECT,
    trace=trace(POWERVM_SRIOV, simple_lpar(GIB), OPENS, Kexec()),
)
