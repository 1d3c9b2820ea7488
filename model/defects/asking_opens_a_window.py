# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that asks for the mask it needs gets a window opened, or loses its bypass."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.defects.vpmem_below_limit_goes_direct import bypasses, mask_of_all_memory
from model.guest import masks
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_trying(kernel: "Kernel", device: int) -> DmaMask:
    """Linux: dma_get_required_mask(), and dma_iommu_get_required_mask(), which tries dma_iommu_dma_supported()."""
    # PARAMETERS
    dev = kernel.devices[device]
    table, own, every = dev.table, dev.mask, mask_of_all_memory(kernel, dev)

    # CHECKS
    if bypasses(kernel, dev, dev.coherent_mask):
        return every

    # EFFECT
    accepted = kernel.set_dma_mask(device, every).accepted
    dev.mask = own

    # RETURN
    if accepted or table is None:
        return every if accepted else DmaMask(0)
    end = table.offset + table.entries
    return DmaMask((1 << end.bit_length() + table.page_shift) - 1)


DEFECT = Defect(
    id="asking-opens-a-window",
    breaks="masks-do-no-harm",
    replaces=masks.required_mask,
    by=by_trying,
    releases=RELEASES,
    root_cause="Asking is trying: with a mask below 64 bits it also puts the node on the list of those that failed, and on "
    "6.1 it ends the bypass. (The answer for a table has one bit more than is needed.)",
)
