# SPDX-License-Identifier: GPL-2.0-or-later
"""With vPMEM a direct part must hold every physical address, and so there is none."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.defects.window_for_all_addresses import max_physmem_bits
from model.guest import enable
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, PhysAddr

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def all_addresses(kernel: "Kernel") -> PhysAddr:
    """Linux between the two commits: ddw_memory_hotplug_max() answered 2^MAX_PHYSMEM_BITS where there is ibm,pmemory."""
    return PhysAddr(1 << max_physmem_bits(kernel.page_shift)) if kernel.vpmem else enable.hotplug_max(kernel)


BUG = Bug(
    title='(the revert of "powerpc/pseries/ddw: Extend upper limit for huge DMA window for persistent memory")',
    date="2021-11-08",
    release="5.16",
    defect=Defect(
        id="vpmem-makes-ram-endless",
        breaks=None,
        replaces=enable.hotplug_max,
        by=all_addresses,
        commits="54fc3c681ded, fixed by 2d33f5504490",
        root_cause="No block of TCEs is large enough for 2^51 bytes, so that with vPMEM in the partition not even RAM was "
        "mapped directly: every DMA takes TCEs of its own.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB, vpmem=GIB), OPENS),
)
