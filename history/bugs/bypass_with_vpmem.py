# SPDX-License-Identifier: GPL-2.0-or-later
"""All memory goes directly as soon as RAM does, vPMEM, too."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import mapping
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def whatever_it_is(kernel: "Kernel", device: int, memory: Span[PhysAddr]) -> bool:
    """Linux before the fix: with dma_ops_bypass nobody looked at the address."""
    window = kernel.devices[device].window
    return window is not None and window.direct_size > 0


BUG = Bug(
    title="powerpc/dma: Fallback to dma_ops when persistent memory present",
    date="2020-10-29",
    release="5.11",
    defect=Defect(
        id="bypass-with-vpmem",
        breaks="limit-matches-split",
        replaces=mapping.routes_directly,
        by=whatever_it_is,
        commits="4e8b0cf46b25, fixed by bf6e2d562bbc",
        root_cause="The window reaches RAM alone, but every page that the kernel knows was taken to lie in it: DMA to vPMEM "
        "goes to bus addresses that nothing maps.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB, vpmem=GIB), OPENS),
)
