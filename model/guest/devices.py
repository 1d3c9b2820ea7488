# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come and go. Linux: pci_dma_bus_setup_pSeriesLP(), pci_dma_dev_setup_pSeriesLP(), iommu_reconfig_notifier().

Several functions may belong to one PE: they share its node, its windows and its tables.
"""

from typing import TYPE_CHECKING

from model.guest.table import Table
from model.guest.windows import Device, Node
from model.interfaces import DdwProperties, GuestDevice
from model.locks import INIT_MUTEX
from model.types import PageShift

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

DEFAULT_PAGE_SHIFT = PageShift(12)
"""I/O pages of the default window. Linux: IOMMU_PAGE_SHIFT_4K."""


def attach(kernel: "Kernel", device: int, node: DdwProperties) -> None:
    """Find the function's node, or set it up if it is the first one of its PE.

    It waits for a window that is being opened on that PE, since that may take the default one away.
    """
    with kernel.port.locked(INIT_MUTEX):
        kernel.devices[device] = kernel.new_function(kernel.node_of(node))


def node_of(kernel: "Kernel", properties: DdwProperties) -> Node:
    """The node of a PE, set up for its first function. Linux: pci_dma_bus_setup_pSeriesLP()."""
    # CHECKS
    known = kernel.nodes.get(properties.pe)
    if known is not None:
        return known

    # EFFECT
    node = Node.of(properties)
    if properties.inherited is not None:
        kernel.inherit_window(node, properties.inherited)
    role, table = kernel.first_table(node)
    if table is not None:
        node.tables[role] = table
    if node.window is not None and "ddw" not in node.tables:
        kernel.clear_unused(node.window)
    kernel.nodes[properties.pe] = node
    kernel.look_at_offer(node)

    # RETURN
    return node


def first_table(kernel: "Kernel", node: Node) -> tuple[str, Table | None]:
    """The role and the table of the default window, or where there is none of the one that a kernel before has left."""
    return ("default", kernel.default_table(node)) if node.default else ("ddw", kernel.inherited_table(node))


def new_function(kernel: "Kernel", node: Node) -> Device:
    """A function as it is found: a mask of 32 bits, and the table that this reaches. Linux: pci_dma_dev_setup_pSeriesLP().

    Without one (a frozen PE, no memory, a window above the mask) it cannot map until its driver sets a mask.
    """
    dev = Device(node)
    tables = (node.tables.get("default"), node.tables.get("ddw"))
    dev.table = next((table for table in tables if table is not None and table.span.start <= dev.mask), None)
    return dev


def replug(kernel: "Kernel", device: int) -> None:
    """The function is forgotten and found again; its node and windows stay."""
    kernel.devices[device] = kernel.new_function(kernel.devices.pop(device).node)


def default_table(kernel: "Kernel", node: Node) -> Table | None:
    """The table of the default window; None without the window or memory. Linux: iommu_pseries_alloc_group()."""
    if node.default is None or not kernel.port.allocate("table"):
        return None
    table = Table(node.default.liobn, node.default.span, DEFAULT_PAGE_SHIFT, node.default.span.start)
    return table if kernel.init_table(table, node.mmio32) else None


def look_at_offer(kernel: "Kernel", node: Node) -> None:
    """Nothing needs to know what windows the PE may have until a driver asks for one."""


def detach(kernel: "Kernel", device: int) -> None:
    """Forget the function, and the node with the last one of its PE."""
    node = kernel.devices.pop(device).node
    if not any(dev.node is node for dev in kernel.devices.values()):
        kernel.forget_node(node)
        del kernel.nodes[node.pe]


def forget_node(kernel: "Kernel", node: Node) -> None:
    """Forget its window and TCEs, tables, list entry, property, and that enabling it once failed.

    The window leaves the list before its TCEs are cleared, so that the memory notifier does not set any of them again.
    """
    window = node.window
    if window is not None:
        kernel.unlist(window)
        kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)
        kernel.remove_window(node, window.liobn)
    kernel.forget_failure(node)


def forget_failure(kernel: "Kernel", node: Node) -> None:
    """A node that comes back is tried again."""
    if node.pe in kernel.failed:
        kernel.failed.remove(node.pe)


def view(kernel: "Kernel", device: int) -> GuestDevice | None:
    """What the kernel holds for a device."""
    dev = kernel.devices.get(device)
    if dev is None:
        return None
    node = dev.node
    table = None if node.owned else dev.table  # no driver is there to use it
    return GuestDevice(
        dev.mask,
        [table.view() for table in (*node.tables.values(), *(user.table for user in node.user.values()))],
        table.liobn if table and not table.freed else None,
        node.window.view if node.window else None,
        node.default is not None,
        ["a failed-list entry" for other in kernel.failed if other == node.pe]
        + ["a pointer to a freed table"] * (table is not None and table.freed)
        + ["a property of a window that is on no list"] * (node.stray is not None),
    )
