# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come and go. Linux: pci_dma_bus_setup_pSeriesLP(), iommu_reconfig_notifier()."""

from typing import TYPE_CHECKING

from model.guest.table import Table
from model.guest.windows import Device, Node
from model.interfaces import DdwProperties, GuestDevice
from model.types import PageShift

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

DEFAULT_PAGE_SHIFT = PageShift(12)
"""I/O pages of the default window. Linux: IOMMU_PAGE_SHIFT_4K."""


def attach(kernel: "Kernel", device: int, node: DdwProperties) -> None:
    """Set up the default window's table; without it (a frozen PE, no memory) the device has none."""
    # PARAMETERS
    dev = Device(Node.of(node))

    # CHECKS
    table = kernel.default_table(dev.node)
    if table is not None:
        dev.node.tables["default"] = table
        dev.table = table

    # EFFECT
    kernel.devices[device] = dev
    kernel.look_at_offer(dev.node)


def default_table(kernel: "Kernel", node: Node) -> Table | None:
    """The table of the default window; None without the window or memory. Linux: iommu_pseries_alloc_group()."""
    if node.default is None or not kernel.port.allocate("table"):
        return None
    table = Table(node.default.liobn, node.default.span, DEFAULT_PAGE_SHIFT, node.default.span.start)
    return table if kernel.init_table(table, node.mmio32) else None


def look_at_offer(kernel: "Kernel", node: Node) -> None:
    """Nothing needs to know what windows the PE may have until a driver asks for one."""


def detach(kernel: "Kernel", device: int) -> None:
    """Forget the node: its window and TCEs, tables, list entry, property, and that enabling it once failed."""
    # PARAMETERS
    node = kernel.devices[device].node
    window = node.window

    # EFFECT
    if window is not None:
        kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)
        kernel.remove_window(node, window.liobn)
        kernel.windows.remove(window)
    kernel.forget_failure(node)
    del kernel.devices[device]


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
    return GuestDevice(
        dev.mask,
        [table.view() for table in node.tables.values()],
        dev.table.liobn if dev.table and not dev.table.freed else None,
        dev.window.view if dev.window else None,
        node.default is not None,
        ["a failed-list entry" for other in kernel.failed if other == node.pe]
        + ["a pointer to a freed table"] * (dev.table is not None and dev.table.freed),
    )
