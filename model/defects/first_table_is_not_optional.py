# SPDX-License-Identifier: GPL-2.0-or-later
"""Without memory for a PE's first table the kernel crashes."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import devices
from model.guest.table import Table
from model.guest.windows import Node
from model.interfaces import Crash

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def or_crash(kernel: "Kernel", node: Node) -> tuple[str, Table | None]:
    """Linux: pci_dma_bus_setup_pSeriesLP() uses a group that may be NULL, and panics without a map."""
    role, table = devices.first_table(kernel, node)
    if table is None and (node.default is not None or node.window is not None):
        raise Crash("the first table of a PE is not to be had")
    return role, table


DEFECT = Defect(
    id="first-table-is-not-optional",
    breaks="guest-crash",
    replaces=devices.first_table,
    by=or_crash,
    releases=RELEASES,
    root_cause="iommu_pseries_alloc_group() may return NULL, iommu_init_table() too; at a DLPAR add of a running system "
    "neither need be the end.",
)
