# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel finds that another one left. Linux: find_existing_ddw_windows(), pci_dma_find(), iommu_table_clear().

After kexec the windows and their properties are as the kernel before had them. A kernel that dumps a crashed one must also
let its TCEs be: devices that nobody stopped go on writing.
"""

from typing import TYPE_CHECKING

from model.calls import GetRun
from model.guest.table import Table
from model.guest.tces import MOST_REFUSALS
from model.guest.windows import DmaWindow, Node
from model.interfaces import Boot, DdwProperties, InheritedWindow
from model.types import Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

KDUMP_ROOM = 2048
"""Entries that a dump needs. Linux: KDUMP_MIN_TCE_ENTRIES."""


def properties(kernel: "Kernel", device: int) -> DdwProperties:
    """The node above a device as it is now, for the kernel that follows. Linux: update_pci_dma_nodes()."""
    # PARAMETERS
    node = kernel.devices[device].node
    window = node.window or node.stray

    # RETURN
    firmware = DdwProperties(node.pe, node.default, node.applicable, node.extensions, node.mmio32, saved=node.saved)
    if window is None:
        return firmware
    direct = window.direct_size > 0 or window.found_direct
    left = InheritedWindow(window.liobn, window.base, window.page_shift, window.shift, direct)
    return firmware._replace(inherited=left)


def inherit_window(kernel: "Kernel", node: Node, left: InheritedWindow) -> None:
    """The window that is there belongs to the node; none of it is taken for pre-mapped RAM.

    Linux: find_existing_ddw_windows_named(), which says that speed does not matter for a dump.
    """
    node.window = DmaWindow(left.liobn, left.base, left.page_shift, left.shift, 0, 0, found_direct=left.direct)
    kernel.list_window(node.window)


def clear_unused(kernel: "Kernel", window: DmaWindow) -> None:
    """What the kernel before mapped in a window that has no table now is no more the devices' than what it mapped in one
    that has.
    """
    if kernel.boot is not Boot.KDUMP:
        kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)


def inherited_table(kernel: "Kernel", node: Node) -> Table | None:
    """The table of a window that was found, over all of it. Linux: pci_dma_bus_setup_pSeriesLP() after pci_dma_find()."""
    window = node.window
    if window is None or not kernel.port.allocate("table"):
        return None
    table = Table(window.liobn, Span(window.base, window.stop), window.page_shift, window.base)
    return table if kernel.init_table(table, node.mmio32) else None


def take_over(kernel: "Kernel", table: Table) -> None:
    """Begin with an empty table, unless devices still use what is in it. Linux: iommu_table_clear()."""
    if kernel.boot is Boot.KDUMP:
        kernel.keep_inherited(table)
    else:
        kernel.clear_table(table)


def keep_inherited(kernel: "Kernel", table: Table) -> None:
    """The entries that the crashed kernel left mapped stay taken, as far as that leaves room for the dump."""
    left = kernel.entries_left(table)
    for span in left:
        table.taken.take(span.start, span.size)
    for span in kernel.given_up(table, sum(span.size for span in left)):
        table.taken.free(span.start, span.size)


def entries_left(kernel: "Kernel", table: Table) -> list[Span[int]]:
    """The entries whose TCE is not zero, and those that cannot be read."""
    found: list[Span[int]] = []
    done = refused = 0
    while done < table.entries and refused <= MOST_REFUSALS:
        run = GetRun(table.liobn, table.address(done), 1 << table.page_shift, table.entries - done)
        answer = kernel.port.hcall(run)
        found += [Span(done + span.start, done + span.stop) for span in answer.found]
        done += answer.done
        if done < table.entries:
            found.append(Span(done, done + 1))
            done, refused = done + 1, refused + 1
    return [*found, Span(done, table.entries)] if done < table.entries else found


def given_up(kernel: "Kernel", table: Table, left: int) -> list[Span[int]]:
    """What a table with `left` entries in use gives up so that a dump can be written: its last entries, but of a small table
    not more than half, and no entry that is reserved.
    """
    # PARAMETERS
    size = table.entries
    room = KDUMP_ROOM if size >= KDUMP_ROOM else (size + 1) // 2

    # CHECKS
    if size - left >= room:
        return []

    # RETURN
    kernel.reached("kdump: a full table gives up its last entries")
    given, at = [], size - room
    for reserved in sorted(table.reserved):
        given.append(Span(at, min(reserved.start, size)))
        at = max(at, reserved.stop)
    return [span for span in (*given, Span(at, size)) if span.size > 0]
