# SPDX-License-Identifier: GPL-2.0-or-later
"""Setting the coherent mask opens a window, and may cost the device the table of its DMA mask."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import masks
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_opening(kernel: "Kernel", device: int, mask: DmaMask) -> bool:
    """As the source of dma_set_coherent_mask() reads: dma_iommu_dma_supported() tells the two masks apart in nothing."""
    dev = kernel.devices[device]
    direct = kernel.opens_direct(dev, mask)
    return direct or kernel.table_for(dev, mask) is not None


DEFECT = Defect(
    id="coherent-mask-opens-a-window",
    breaks="masks-do-no-harm",
    replaces=masks.set_coherent_mask,
    by=by_opening,
    root_cause="A driver whose DMA mask still has 32 bits loses the default window.",
)
