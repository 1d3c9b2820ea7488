# SPDX-License-Identifier: GPL-2.0-or-later
"""A function that is found takes the PE's first table, whether or not its mask of 32 bits reaches it."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices
from model.guest.windows import Device, Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def table_in_place_of_the_default(kernel: "Kernel", node: Node) -> Device:
    """Linux: pci_dma_dev_setup_pSeriesLP() takes tables[0], where enable_ddw() puts the table of a window that replaces the
    default one.
    """
    return Device(node, table=node.tables.get("default") or node.tables.get("ddw"))


DEFECT = Defect(
    id="first-table-is-taken",
    breaks=None,
    replaces=devices.new_function,
    by=table_in_place_of_the_default,
    releases=("6.12", "7.2", "7.3"),
    root_cause="The mask is looked at when it is set; a driver that keeps its 32 bits maps through a window above them.",
)
