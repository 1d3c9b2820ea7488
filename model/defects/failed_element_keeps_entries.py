# SPDX-License-Identifier: GPL-2.0-or-later
"""The element of a scatterlist whose TCEs cannot be set keeps its entries."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import scatterlist
from model.guest.table import Table
from model.guest.windows import Device
from model.types import BusAddress, Direction, PhysAddr, Span
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def taken_for_ever(
    kernel: "Kernel",
    dev: Device,
    table: Table,
    element: Span[PhysAddr],
    direction: Direction,
    boundary: int,
    cpu: int,
    after: int | None,
) -> BusAddress | None:
    """Linux: the failure exit of ppc_iommu_map_sg() walks the segments, of which the failing element is none yet."""
    entry = kernel.take_entries(dev, table, element, cpu, boundary, after)
    if entry is None:
        return None
    handle = kernel.point_entries(table, entry, element, direction, cpu)
    if handle is None:
        pages = kernel.pages_touched(word(element.start), word(element.size), word(table.page_shift))
        table.taken.take(entry, int(pages.number))
    return handle


DEFECT = Defect(
    id="failed-element-keeps-entries",
    breaks="map-fails-clean",
    replaces=scatterlist.map_element,
    by=taken_for_ever,
    releases=("6.1", "6.12"),
    root_cause="The entries are taken before it_ops->set(), and freed only by what the list says after it.",
)
