# SPDX-License-Identifier: GPL-2.0-or-later
"""A 32-bit mask opens a window as well."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import masks
from model.interfaces import MaskAnswer
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def always_enable(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Set the mask, having opened a window in any case."""
    kernel.enable_ddw(kernel.devices[device], mask)
    return masks.set_dma_mask(kernel, device, mask)


DEFECT = Defect(
    id="narrow-mask-opens-window",
    breaks="masks-do-no-harm",
    replaces=masks.set_dma_mask,
    by=always_enable,
    root_cause="iommu_bypass_supported_pSeriesLP() without its test for masks of 32 bits and less.",
)
