# SPDX-License-Identifier: GPL-2.0-or-later
"""Setting the coherent mask opens a window, and decides how the device's other mappings go."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import masks
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_opening(kernel: "Kernel", device: int, mask: DmaMask) -> bool:
    """Linux: dma_set_coherent_mask(), whose dma_iommu_dma_supported() tells the two masks apart in nothing."""
    # PARAMETERS
    dev = kernel.devices[device]
    own = dev.mask

    # EFFECT
    accepted = kernel.set_dma_mask(device, mask).accepted
    dev.mask = own
    if accepted:
        dev.coherent_mask = mask

    # RETURN
    return accepted


DEFECT = Defect(
    id="coherent-mask-opens-a-window",
    breaks="masks-do-no-harm",
    replaces=masks.set_coherent_mask,
    by=by_opening,
    releases=RELEASES,
    root_cause="A driver whose DMA mask still has 32 bits loses the default window; one that sets a coherent mask of 32 bits "
    "afterwards loses the bypass of its DMA mask.",
)
