# SPDX-License-Identifier: GPL-2.0-or-later
"""A coherent buffer is mapped beyond the device's coherent mask."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import coherent
from model.guest.windows import Device
from model.types import BusAddress, DmaMask, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def through_the_current_table(
    kernel: "Kernel", dev: Device, buffer: Span[PhysAddr], mask: DmaMask, cpu: int
) -> BusAddress | None:
    """Linux: iommu_alloc_coherent() on get_iommu_table_base(); iommu_range_alloc() lets a mask below the table wrap."""
    table = dev.table
    if table is None:
        return None
    wraps = mask < table.span.start
    return kernel.map_coherent(table, buffer, dev.mask if wraps else mask, cpu)


DEFECT = Defect(
    id="coherent-mask-wraps",
    breaks="handle-in-mask",
    replaces=coherent.coherent_through,
    by=through_the_current_table,
    releases=("6.1", "6.12"),
    root_cause="A driver that sets its DMA mask alone keeps a coherent mask of 32 bits; with a dynamic window above that, "
    "mask - it_offset + 1 wraps and no longer limits anything.",
)
