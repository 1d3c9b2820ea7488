# SPDX-License-Identifier: GPL-2.0-or-later
"""Setting a mask changes neither the table in use nor the limit of what is routed directly."""

from model.defects import RELEASES, Defect
from model.guest import masks
from model.guest.table import Table
from model.guest.windows import Device
from model.types import DmaMask


def mask_alone(dev: Device, mask: DmaMask, table: Table | None, direct: bool) -> None:
    """Linux: dma_iommu_dma_supported() sets dma_ops_bypass, dma_set_mask() the mask."""
    dev.mask = mask
    dev.bypass = dev.bypass and direct


DEFECT = Defect(
    id="mask-leaves-the-table",
    breaks=None,
    replaces=masks.use_mask,
    by=mask_alone,
    releases=RELEASES,
    root_cause="The table was chosen when the window was opened; which one the mask reaches is asked, not acted on.",
)
