# SPDX-License-Identifier: GPL-2.0-or-later
"""More TCEs than 512 in one H_STUFF_TCE."""

from history import OPENS, Bug, trace
from model.defects.stuff_without_limit import DEFECT
from model.events import Detach
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

BUG = Bug(
    title="powerpc/iommu: Limit number of TCEs to 512 for H_STUFF_TCE hcall",
    date="2023-05-25",
    release="6.4",
    defect=DEFECT,
    trace=trace(POWERVM_DEDICATED, simple_lpar(2 * GIB), OPENS, Detach(0)),
)
