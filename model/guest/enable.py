# SPDX-License-Identifier: GPL-2.0-or-later
"""Opening a dynamic window for a device. Linux: enable_ddw() in arch/powerpc/platforms/pseries/iommu.c.

The order is the kernel's: query, limited addressing, room by giving up the default window, sizes, create, property,
list entry, pre-map, table, commit. Each step that changes something says how it is undone; a step that cannot be done
raises Refused, and everything before it is undone in reverse.
"""

from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING

from model.calls import HcallStatus
from model.guest.rtas import LIMITED, RESET_TOKEN, Offer
from model.guest.sizing import WindowPlan
from model.guest.table import Table
from model.guest.undo import Undo
from model.guest.windows import Device, DmaWindow, Node
from model.locks import HOTPLUG_LOCK, INIT_MUTEX, LIST_LOCK
from model.types import READ, WRITE, BusAddress, DmaMask, Liobn, PageShift, PhysAddr, Span, WindowShift
from model.words import Word, plain, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

FOUR_GIB = 1 << 32
ALL_BITS = DmaMask((1 << 64) - 1)


class Outcome(StrEnum):
    """Every way in which enable can end."""

    DIRECT = "direct window"
    DYNAMIC = "dynamic window"
    SPLIT = "split window"
    ALREADY = "window was there"
    FAILED_BEFORE = "failed before"
    NOT_APPLICABLE = "no ibm,ddw-applicable"
    QUERY_FAILED = "query failed"
    LIMITED_NOT_OFFERED = "limited addressing not offered"
    LIMITED_FAILED = "limited addressing failed"
    SHARED = "other functions use the windows"
    IN_USE = "default window in use"
    NO_DEFAULT = "no default window"
    NO_RESET = "no reset extension"
    NO_COPY = "no memory for the property's copy"
    CLEAR_REFUSED = "default window not cleared"
    REMOVE_FAILED = "default window not removed"
    NO_WINDOW = "no window available"
    NO_PAGE_SIZE = "no known page size"
    NO_BLOCK = "no block of TCEs"
    CREATE_FAILED = "create failed"
    UNREACHABLE = "window out of the device's reach"
    NO_PROPERTY = "no memory for the property"
    NO_ENTRY = "no memory for the list entry"
    PREMAP_FAILED = "pre-map failed"
    NO_TABLE = "no memory for the table"


class Refused(Exception):
    """A step of enable that cannot be done."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def enable_ddw(kernel: "Kernel", device: Device, mask: DmaMask) -> Outcome:
    """Give the device's PE a window above 4 GiB, or leave everything as it was. Linux: enable_ddw()."""
    with kernel.port.locked(INIT_MUTEX):
        # PARAMETERS
        node = device.node

        # CHECKS
        if node.window is not None:
            return Outcome.ALREADY
        if node.pe in kernel.failed:
            return Outcome.FAILED_BEFORE

        # EFFECT
        try:
            with Undo() as undo:
                outcome = kernel.open_window(device, mask, undo)
                undo.pop_all()
        except Refused as refusal:
            if kernel.port.allocate("failed-entry"):
                kernel.failed.append(node.pe)
            outcome = refusal.outcome

        # RETURN
        return outcome


def open_window(kernel: "Kernel", device: Device, mask: DmaMask, undo: ExitStack) -> Outcome:
    """The steps of enable; Refused where one fails."""
    node = device.node
    if node.applicable is None:
        raise Refused(Outcome.NOT_APPLICABLE)
    offer = kernel.query_ddw(node)
    if offer is None:
        raise Refused(Outcome.QUERY_FAILED)
    undo.callback(kernel.restore_default, device)
    if mask != ALL_BITS:
        kernel.enter_limited_mode(node)
    if offer.windows == 0:
        offer = kernel.give_up_default(node)

    page_shift, plan = kernel.plan_for(node, offer, mask)
    window = kernel.new_window(node, page_shift, plan, undo)
    if not kernel.window_is_usable(node, window, mask):
        raise Refused(Outcome.UNREACHABLE)
    kernel.publish_window(node, window, undo)
    if not kernel.list_and_premap(window, undo):
        raise Refused(Outcome.PREMAP_FAILED)
    kernel.release_default(device, window)
    table = kernel.dynamic_table(node, window) if plan.dynamic.size else None
    if node.gave_up:
        kernel.save_default(node, committed=True)
    kernel.commit(device, window, table)
    if table is None:
        return Outcome.DIRECT
    return Outcome.SPLIT if plan.direct.size else Outcome.DYNAMIC


def plan_for(kernel: "Kernel", node: Node, offer: Offer, mask: DmaMask) -> tuple[PageShift, WindowPlan]:
    """The I/O page and the plan that query's answer leads to."""
    page_shift = kernel.largest_page_shift(word(offer.pages))
    if page_shift == 0:
        raise Refused(Outcome.NO_PAGE_SIZE)
    largest = kernel.largest_window_shift(word(offer.block), page_shift, word(mask))
    if not kernel.is_enough(largest, page_shift):
        raise Refused(Outcome.NO_BLOCK)
    direct, shared = kernel.direct_goal(node, largest)
    node.plan = kernel.plan_window(largest, page_shift, direct, shared)
    return PageShift(int(page_shift)), node.plan


def hotplug_max(kernel: "Kernel") -> PhysAddr:
    """The end of RAM for ever, as the platform announced it at boot. Linux: ddw_memory_hotplug_max()."""
    return kernel.announced_max


def direct_goal(kernel: "Kernel", node: Node, largest: Word) -> tuple[Word, bool]:
    """log2 of what a direct part should hold, and whether vPMEM has to share the window with it. Linux: len, pmem_present."""
    return kernel.ram_shift(word(kernel.hotplug_max())), bool(kernel.vpmem) and node.gave_up


def enter_limited_mode(kernel: "Kernel", node: Node) -> None:
    """Ask for windows that a mask below 64 bits can address. Linux: limited_dma_window().

    The reset drops every TCE of the PE, so nothing may be mapped (LoPAR R1-7.3.27.4.1-2).
    """
    if node.extension(RESET_TOKEN) is None or not node.extension(LIMITED):
        raise Refused(Outcome.LIMITED_NOT_OFFERED)
    if kernel.is_shared(node):
        raise Refused(Outcome.SHARED)
    if any(kernel.in_use(table) for table in node.tables.values()):
        raise Refused(Outcome.IN_USE)
    if not kernel.reset_windows(node, limited=True):
        raise Refused(Outcome.LIMITED_FAILED)
    node.limited = True


def give_up_default(kernel: "Kernel", node: Node) -> Offer:
    """Remove the default window to make room, and query again. Only where reset can bring it back."""
    # CHECKS
    table = node.tables.get("default")
    if kernel.is_shared(node):
        raise Refused(Outcome.SHARED)
    if kernel.default_in_use(table):
        raise Refused(Outcome.IN_USE)
    if node.default is None or table is None:
        raise Refused(Outcome.NO_DEFAULT)
    if node.extension(RESET_TOKEN) is None:
        raise Refused(Outcome.NO_RESET)
    if not kernel.save_default(node, committed=False):
        raise Refused(Outcome.NO_COPY)
    if not kernel.clear_default(table):
        raise Refused(Outcome.CLEAR_REFUSED)

    # EFFECT
    if not kernel.remove_default(node, node.default.liobn):
        raise Refused(Outcome.REMOVE_FAILED)
    node.gave_up = True
    offer = kernel.query_ddw(node)

    # RETURN
    if offer is None:
        raise Refused(Outcome.QUERY_FAILED)
    if offer.windows == 0:
        raise Refused(Outcome.NO_WINDOW)
    return offer


def default_in_use(kernel: "Kernel", table: Table | None) -> bool:
    """Whether a driver has something mapped in the default window, whose table this is, if there was memory for one.

    Linux: iommu_table_in_use().
    """
    return table is not None and kernel.in_use(table)


def is_shared(kernel: "Kernel", node: Node) -> bool:
    """Whether other functions map through the windows of this PE: what only one of them asks for must not cost the others
    theirs. LoPAR leaves that to the OS (A23).
    """
    return sum(dev.node is node for dev in kernel.devices.values()) > 1


def save_default(kernel: "Kernel", node: Node, committed: bool) -> bool:
    """Keep a copy of `ibm,dma-window`, while it can still be said that there is no memory. Linux: copy_property()."""
    if not committed and node.saved is None and kernel.port.allocate("saved-property"):
        node.saved = node.default
    return node.saved is not None


def clear_default(kernel: "Kernel", table: Table) -> bool:
    """Make the TCEs of the default window invalid, as its removal demands. Linux: clean_dma_window()."""
    return not kernel.clear_entries(table.liobn, table.span.start, table.page_shift, table.entries)


def remove_default(kernel: "Kernel", node: Node, liobn: Liobn) -> bool:
    """Remove the default window. Linux: remove_dma_window()."""
    return kernel.remove_window(node, liobn)


def restore_default(kernel: "Kernel", device: Device) -> None:
    """Undo limited addressing and the loss of the default window by a reset.

    A device whose default window firmware will not bring back keeps no table on it.
    """
    node = device.node
    if not (node.limited or node.gave_up):
        return
    if not kernel.reset_windows(node) and node.gave_up:
        node.default = None
        table = node.tables.pop("default", None)
        device.table = None if device.table is table else device.table
    node.limited = node.gave_up = False


def new_window(kernel: "Kernel", node: Node, page_shift: PageShift, plan: WindowPlan, undo: ExitStack) -> DmaWindow:
    """Create the window that was planned."""
    created = kernel.create_ddw(node, page_shift, int(plan.shift))
    if created is None:
        raise Refused(Outcome.CREATE_FAILED)
    undo.callback(kernel.discard_window, node, created.liobn)
    dynamic_start = int(plan.dynamic.start) if plan.dynamic.size else 1 << int(plan.shift)
    return DmaWindow(
        created.liobn, created.base, page_shift, WindowShift(int(plan.shift)), int(plan.direct.size), dynamic_start
    )


def discard_window(kernel: "Kernel", node: Node, liobn: Liobn) -> None:
    """Remove a window again. If it was the PE's last, the default window comes back by itself (LoPAR R1-7.3.27.3-3)."""
    if kernel.remove_window(node, liobn):
        node.gave_up = False


def window_is_usable(kernel: "Kernel", node: Node, window: DmaWindow, mask: DmaMask) -> bool:
    """Whether the device reaches the whole direct part and the start of the dynamic part, clear of MMIO and page 0.

    LoPAR says nothing of where a new window lies (A6), so this has to be looked at.
    """
    if window.base % (1 << window.page_shift) or window.stop > 1 << 64:
        return False
    if window.direct_size == 0:
        return window.base <= mask
    direct = window.view.direct
    if window.base < FOUR_GIB and (window.base == 0 or (node.mmio32 is not None and direct.touches(node.mmio32))):
        return False
    has_dynamic = window.dynamic_start < window.size
    return direct.stop - 1 <= mask and (not has_dynamic or window.base + window.dynamic_start <= mask)


def publish_window(kernel: "Kernel", node: Node, window: DmaWindow, undo: ExitStack) -> None:
    """Put the window into the device tree, and have an entry for the list that the memory notifier walks."""
    taken = node.stray is not None and window.direct_size > 0  # its name
    if not kernel.port.allocate("property") or taken:
        raise Refused(Outcome.NO_PROPERTY)
    node.window = window
    undo.callback(setattr, node, "window", None)
    if not kernel.port.allocate("list-entry"):
        raise Refused(Outcome.NO_ENTRY)


def list_and_premap(kernel: "Kernel", window: DmaWindow, undo: ExitStack) -> bool:
    """List the window and map all online RAM in it, while none comes or goes; False where a TCE was refused.

    A block that came between the walk over RAM and the listing would be mapped by nobody. Undone the other way round: what is
    still listed is still written.
    """
    with kernel.port.locked(HOTPLUG_LOCK):
        if window.direct_size:
            kernel.undo_premap(window, undo)
        kernel.list_window(window)
        undo.callback(kernel.unlist, window)
        return not window.direct_size or kernel.premap_ram(window)


def list_window(kernel: "Kernel", window: DmaWindow) -> None:
    """Put a window on the list."""
    with kernel.port.locked(LIST_LOCK):
        kernel.windows.insert(0, window)


def unlist(kernel: "Kernel", window: DmaWindow) -> None:
    """Take a window off the list."""
    with kernel.port.locked(LIST_LOCK):
        kernel.windows.remove(window)


def premap_ram(kernel: "Kernel", window: DmaWindow) -> bool:
    """Map all online RAM 1:1 into the direct part. Linux: walk_system_ram_range() over tce_setrange_multi_pSeriesLP()."""
    return all(kernel.premap(window, block) for block in kernel.ram_at_enable())


def undo_premap(kernel: "Kernel", window: DmaWindow, undo: ExitStack) -> None:
    """Whatever fails from here on, the direct part of the window is cleared again. Linux: clean_dma_window()."""
    entries = window.direct_size >> window.page_shift
    undo.callback(kernel.clear_range, window.liobn, window.base, window.page_shift, entries)


def ram_at_enable(kernel: "Kernel") -> list[Span[PhysAddr]]:
    """The RAM that a new window is to reach; what lies above its direct part is left out later."""
    return kernel.online


def release_default(kernel: "Kernel", device: Device, window: DmaWindow) -> None:
    """The table of a default window that was given up goes when nothing can fail any more, not yet."""


def dynamic_table(kernel: "Kernel", node: Node, window: DmaWindow) -> Table:
    """The table of the dynamic part. Linux: iommu_table_setparms_common(), iommu_init_table()."""
    span = Span(BusAddress(window.base + window.dynamic_start), window.stop)
    if not kernel.port.allocate("table"):
        raise Refused(Outcome.NO_TABLE)
    table = Table(window.liobn, span, window.page_shift, window.base)
    if not kernel.init_table(table, node.mmio32):
        raise Refused(Outcome.NO_TABLE)
    return table


def commit(kernel: "Kernel", device: Device, window: DmaWindow, table: Table | None) -> None:
    """Nothing can fail any more: the device uses the new window."""
    node = device.node
    device.window = window
    if node.gave_up:
        node.default = None
        kernel.drop_default_table(node)
        device.table = None
    if table is not None:
        node.tables["ddw"] = table
        device.table = table


def drop_default_table(node: Node) -> None:
    """The table of a default window that is gone is freed."""
    table = node.tables.pop("default", None)
    if table is not None:
        table.freed = True


def premap(kernel: "Kernel", window: DmaWindow, block: Span[PhysAddr]) -> bool:
    """Map one RAM block 1:1, as far as the direct part reaches. Linux: tce_setrange_multi_pSeriesLP()."""
    # PARAMETERS
    start, stop = kernel.direct_part(window, block)

    # EFFECT, RETURN
    return start == stop or kernel.set_range(window, start, stop)


def direct_part(kernel: "Kernel", window: DmaWindow, block: Span[PhysAddr]) -> tuple[Word, Word]:
    """What of a RAM block lies in the direct part of a window. Linux: iommu_mem_notifier()."""
    return kernel.clip(word(block.start), word(block.stop), word(window.direct_size))


def set_range(kernel: "Kernel", window: DmaWindow, start: Word, stop: Word) -> bool:
    """Map [start, stop) of RAM 1:1. Linux: tce_setrange_multi_pSeriesLP()."""
    # PARAMETERS
    pages = kernel.pages_to_set(start, stop, word(window.page_shift))
    memory = plain(pages.first) << window.page_shift

    # EFFECT
    if pages.number == 0:
        return True
    ioba = BusAddress(window.base + memory)
    status, _ = kernel.set_entries(
        window.liobn, ioba, window.page_shift, memory, plain(pages.number), READ | WRITE, cpu=0
    )

    # RETURN
    return status is HcallStatus.SUCCESS
