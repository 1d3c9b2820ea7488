# SPDX-License-Identifier: GPL-2.0-or-later
"""A function that changes hands keeps what it routes by, and all but the first the pointer to their table."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def group_alone(kernel: "Kernel", node: Node, device: int) -> None:
    """Linux: spapr_tce_take_ownership() leaves bus_dma_limit, dma_ops_bypass and dma_offset, and returns before
    set_iommu_table_base() for all functions but the first.
    """
    if node.window is not None:
        kernel.devices[device].kept_offset = node.window.base
    node.window, kernel.devices[device].table = None, None
    for table in node.tables.values():
        table.freed = True
    node.tables.clear()
    for dev in kernel.devices.values():
        if dev.node is node and dev.window is not None:
            dev.kept_offset, dev.window = dev.window.base, None


DEFECT = Defect(
    id="routes-survive-the-owner",
    breaks=None,
    replaces=vfio.forget_use,
    by=group_alone,
    releases=("6.12", "7.2", "7.3"),
    root_cause="A driver that maps before it sets its mask again is given direct handles of a window that is gone; one of "
    "another function of the PE maps through a table that was freed.",
)
