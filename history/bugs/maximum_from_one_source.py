# SPDX-License-Identifier: GPL-2.0-or-later
"""The window is made for the RAM that is known at boot, not for all that may come."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import enable
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, PhysAddr

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def of_what_is_there(kernel: "Kernel") -> PhysAddr:
    """Linux before the fix: ddw_memory_hotplug_max() did not look at memory@ nodes above what it was told of."""
    return max((block.stop for block in kernel.online), default=PhysAddr(0))


BUG = Bug(
    title="powerpc/pseries/iommu: Use memory@ nodes in max RAM address calculation",
    date="2018-12",
    release="5.0",
    defect=Defect(
        id="maximum-from-one-source",
        breaks=None,
        replaces=enable.hotplug_max,
        by=of_what_is_there,
        commits="4e8b0cf46b25, fixed by 68c0449ea16d (hash not confirmed)",
        root_cause="Memory of GPUs is announced by nodes of its own, beyond the maximum for hotplug: a window for the latter "
        "alone does not reach it once it is online.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB), OPENS),
)
