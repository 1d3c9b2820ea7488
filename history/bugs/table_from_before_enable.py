# SPDX-License-Identifier: GPL-2.0-or-later
"""The table that a device uses is looked up before enable replaces it."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.events import Map
from model.guest import masks
from model.interfaces import MaskAnswer
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def as_it_was(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Linux from 381ceda88c4c to the fix: dma_iommu_dma_supported() called get_iommu_table_base() first of all."""
    dev = kernel.devices[device]
    before = dev.table
    answer = masks.set_dma_mask(kernel, device, mask)
    dev.table = before
    return answer


LPAR = simple_lpar(GIB, vpmem=GIB)
VPMEM = LPAR.vpmem[0].start
BUG = Bug(
    title="powerpc/iommu: Incorrect DDW Table is referenced for SR-IOV device",
    date="2023-05-05",
    release="6.4",
    defect=Defect(
        id="table-from-before-enable",
        breaks="no-dead-liobn",
        replaces=masks.set_dma_mask,
        by=as_it_was,
        commits="381ceda88c4c, fixed by 1f7aacc5eb9e",
        root_cause="On an SR-IOV function the dynamic window takes the place of the default one, whose table is freed. The "
        "mask was compared with that table, and the device went on with it.",
    ),
    trace=trace(POWERVM_SRIOV, LPAR, OPENS, Map(0, Span(VPMEM, PhysAddr(VPMEM + 4096)), Direction.TO_DEVICE)),
)
