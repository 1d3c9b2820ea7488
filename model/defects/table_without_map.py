# SPDX-License-Identifier: GPL-2.0-or-later
"""A dynamic table whose bitmap could not be had is used all the same."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.bitmap import EntryMap
from model.guest.enable import Outcome, Refused
from model.guest.table import Pool, Table
from model.guest.windows import DmaWindow, Node
from model.interfaces import Crash
from model.types import BusAddress, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


class NoMap(EntryMap):
    """it_map is NULL."""

    def take(self, start: int, count: int) -> None:
        """bitmap_set()."""
        raise Crash("NULL dereference: the table has no bitmap")

    def free(self, start: int, count: int) -> None:
        """bitmap_clear()."""
        raise Crash("NULL dereference: the table has no bitmap")

    def any(self) -> bool:
        """find_next_bit()."""
        raise Crash("NULL dereference: the table has no bitmap")

    def free_area(self, start: int, count: int, align: int, offset: int = 0) -> int:
        """bitmap_find_next_zero_area()."""
        raise Crash("NULL dereference: the table has no bitmap")


def whatever_init_returned(kernel: "Kernel", node: Node, window: DmaWindow) -> Table:
    """Linux: enable_ddw() does not look at what iommu_init_table() returned."""
    span = Span(BusAddress(window.base + window.dynamic_start), window.stop)
    if not kernel.port.allocate("table"):
        raise Refused(Outcome.NO_TABLE)
    table = Table(window.liobn, span, window.page_shift, window.base)
    if not kernel.init_table(table, node.mmio32):
        table.taken = NoMap()
        table.pools, table.large = [Pool(0, 0, 0)], Pool(0, 0, 0)
    return table


DEFECT = Defect(
    id="table-without-map",
    breaks="guest-crash",
    replaces=enable.dynamic_table,
    by=whatever_init_returned,
    releases=RELEASES,
    root_cause="iommu_init_table() returned NULL and nobody looked; the first map searches a bitmap at address 0.",
)
