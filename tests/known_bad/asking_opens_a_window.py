# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that asks for the mask it needs gets a window opened."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import masks
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_trying(kernel: "Kernel", device: int) -> DmaMask:
    """As the source of dma_iommu_get_required_mask() reads: dma_iommu_dma_supported() with the mask of all RAM."""
    mask = DmaMask((1 << (kernel.highest - 1).bit_length()) - 1)
    return mask if kernel.set_dma_mask(device, mask).accepted else DmaMask(0)


DEFECT = Defect(
    id="asking-opens-a-window",
    breaks="masks-do-no-harm",
    replaces=masks.required_mask,
    by=by_trying,
    root_cause="Asking is trying: with a mask below 64 bits it also puts the node on the list of those that failed.",
)
