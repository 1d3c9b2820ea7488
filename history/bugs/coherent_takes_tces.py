# SPDX-License-Identifier: GPL-2.0-or-later
"""A coherent buffer takes TCEs of its own although its memory is pre-mapped."""

from typing import TYPE_CHECKING

from history import BITS_64, OPENS, Bug, trace
from model.defects import Defect
from model.events import AllocCoherent
from model.guest import coherent
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, DmaMask, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def without_vpmem_alone(kernel: "Kernel", device: int, buffer: Span[PhysAddr], mask: DmaMask) -> bool:
    """Linux before the fix: dma_alloc_attrs() went directly only where all memory does; there was no look at the buffer."""
    return not kernel.vpmem and coherent.coherent_goes_direct(kernel, device, buffer, mask)


BUG = Bug(
    title="powerpc/iommu: bypass DMA APIs for coherent allocations for pre-mapped memory",
    date="2025-11-07",
    release="7.0",
    defect=Defect(
        id="coherent-takes-tces",
        breaks=None,
        replaces=coherent.coherent_goes_direct,
        by=without_vpmem_alone,
        commits="fixed by 1471c517cf7d",
        root_cause="With vPMEM, or a limited mask, coherent buffers went to the default window of 2 GiB, which is soon full, "
        "though the direct window reaches them.",
    ),
    trace=trace(
        POWERVM_DEDICATED, simple_lpar(GIB, vpmem=GIB), OPENS,
        AllocCoherent(0, Span(PhysAddr(0), PhysAddr(0x10000)), BITS_64),
    ),
)  # fmt: skip
