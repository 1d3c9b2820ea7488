# SPDX-License-Identifier: GPL-2.0-or-later
"""A mapping is given back to the table that the device uses now, not to the one that it came from."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.guest.table import Table
from model.guest.windows import Device
from model.interfaces import Crash
from model.types import BusAddress, Span
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def in_use_now(kernel: "Kernel", dev: Device, handle: Span[BusAddress]) -> Table | None:
    """Linux: dma_iommu_unmap_page(); iommu_free_check() refuses what lies outside."""
    table = dev.table
    if table is None:
        return None
    first = (handle.start >> table.page_shift) - table.offset
    pages = kernel.pages_touched(word(handle.start), word(handle.size), word(table.page_shift))
    if first < 0 or first + int(pages.number) > table.entries:
        raise Crash("WARN in iommu_free_check(): the handle is not of this table")
    return table


DEFECT = Defect(
    id="unmap-by-the-table-in-use",
    breaks="guest-crash",
    replaces=mapping.table_of_handle,
    by=in_use_now,
    releases=RELEASES,
    root_cause="The kernel warns, and a driver that maps before it sets its last mask leaves entries and TCEs in the default "
    "window for ever.",
)
