# SPDX-License-Identifier: GPL-2.0-or-later
"""A mask that does not reach the table in use is refused, though the device has another one."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.guest.table import Table
from model.guest.windows import Device
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def in_use_now(kernel: "Kernel", dev: Device, mask: DmaMask) -> Table | None:
    """Linux: dma_iommu_dma_supported() looks at get_iommu_table_base() alone."""
    table = dev.table
    return table if table is not None and table.offset <= mask >> table.page_shift else None


DEFECT = Defect(
    id="mask-is-compared-with-the-table-in-use",
    breaks=None,
    replaces=mapping.table_for,
    by=in_use_now,
    releases=RELEASES,
    root_cause="Once a dynamic window is open a 32-bit mask is refused although the default window is still there.",
)
