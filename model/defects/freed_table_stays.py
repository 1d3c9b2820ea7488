# SPDX-License-Identifier: GPL-2.0-or-later
"""When a direct window takes the place of the default one, the device keeps a pointer to the freed table."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.table import Table
from model.guest.windows import Device, DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def pointer_stays(kernel: "Kernel", device: Device, window: DmaWindow, table: Table | None) -> None:
    """Linux before 6.11: enable_ddw() frees tables[0] without a set_iommu_table_base() where RAM is mapped directly."""
    before = device.table
    enable.commit(kernel, device, window, table)
    device.table = device.table or before


DEFECT = Defect(
    id="freed-table-stays",
    breaks=None,
    replaces=enable.commit,
    by=pointer_stays,
    releases=("6.1",),
    commits="fixed by ff5163bb7000",
    root_cause="What is not routed directly is mapped through, given back to or compared with memory that was freed: a use "
    "after free as soon as a smaller mask is set, or a mapping ends that was made before.",
)
