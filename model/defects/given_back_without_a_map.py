# SPDX-License-Identifier: GPL-2.0-or-later
"""A PE that comes back gets a table whose bitmap could not be had."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.defects.table_without_map import NoMap
from model.guest import vfio
from model.guest.devices import DEFAULT_PAGE_SHIFT
from model.guest.table import Pool, Table
from model.guest.windows import Node
from model.invariants.registry import GUEST_CRASH

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def whatever_init_returned(kernel: "Kernel", node: Node) -> Table | None:
    """Linux: pseries_setup_default_iommu_config() does not look at what iommu_init_table() returned."""
    if node.default is None or not kernel.port.allocate("table"):
        return None
    table = Table(node.default.liobn, node.default.span, DEFAULT_PAGE_SHIFT, node.default.span.start)
    if not kernel.init_table(table, node.mmio32):
        table.taken = NoMap()
        table.pools, table.large = [Pool(0, 0, 0)], Pool(0, 0, 0)
    return table


DEFECT = Defect(
    id="given-back-without-a-map",
    breaks=GUEST_CRASH,
    replaces=vfio.table_again,
    by=whatever_init_returned,
    releases=("6.12", "7.2", "7.3"),
    root_cause="As in enable_ddw() (table-without-map); the first map of a driver searches a bitmap at address 0.",
)
