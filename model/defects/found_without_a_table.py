# SPDX-License-Identifier: GPL-2.0-or-later
"""A function that is found after the default window was replaced has no table, though the PE has a dynamic window."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices
from model.guest.windows import Device, Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def first_table_alone(kernel: "Kernel", node: Node) -> Device:
    """Linux before 6.10: pci_dma_dev_setup_pSeriesLP() takes tables[0]; that of a dynamic window is tables[1], but
    where a kernel before has left no other one.
    """
    return Device(node, table=node.tables.get("default" if node.found is not None else "ddw"))


DEFECT = Defect(
    id="found-without-a-table",
    breaks=None,
    replaces=devices.new_function,
    by=first_table_alone,
    releases=("6.1",),
    root_cause="Setting a mask does not look for another table, so that the function cannot map at all.",
)
