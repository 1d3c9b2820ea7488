# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that user space owns. Linux: spapr_tce_table_group_ops in pseries/iommu.c, below vfio_iommu_spapr_tce.c.

Ownership is of a PE with all its functions. The host's windows go when it is taken, user space makes its own, and when it is
given back the PE is as at boot. What is restated came with 6.11 (f431a8cde7f1).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING

from model.calls import HcallStatus, PutTce, TceRun
from model.guest.bitmap import EntryMap
from model.guest.devices import DEFAULT_PAGE_SHIFT
from model.guest.rtas import RESET_TOKEN
from model.guest.sizing import PAGE_SHIFT_OF_BIT
from model.guest.table import Table
from model.guest.tces import MOST_REFUSALS
from model.guest.undo import Undo
from model.guest.windows import Device, DmaWindow, Node, UserTable
from model.locks import INIT_MUTEX, pool_lock
from model.types import CONTROL, BusAddress, Direction, Liobn, PageShift, PhysAddr, Span, Tce, WindowShift

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


class TableOutcome(StrEnum):
    """Every way in which a request for a table can end."""

    DEFAULT = "default window"
    PART = "part of the default window"
    DYNAMIC = "dynamic window"
    BAD_SIZE = "no power of two, or less than a page"
    LEVELS = "more than one level"
    COSTS_WINDOW = "the default window would cost the dynamic one"
    NO_DEFAULT = "no default window to be had"
    SECOND = "a dynamic window is there"
    NOT_APPLICABLE = "no ibm,ddw-applicable"
    FAILED_BEFORE = "failed before"
    QUERY_FAILED = "query failed"
    NO_PAGE_SIZE = "page size not offered"
    TOO_LARGE = "larger than offered"
    CREATE_FAILED = "create failed"
    NO_PROPERTY = "no memory for the property"
    NO_ENTRY = "no memory for the list entry"
    NO_TABLE = "no memory for the table"
    NO_VIEW = "no memory for what user space maps"
    NOT_CLEARED = "window not cleared"


class NotCreated(Exception):
    """A table that user space cannot have."""

    def __init__(self, outcome: TableOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


# Taken


def take_ownership(kernel: "Kernel", device: int) -> bool:
    """Give a function to user space, which finds no window of the host; False if one cannot be removed.

    The first function of a PE takes the windows of all: their drivers are gone. Linux: spapr_tce_take_ownership().
    """
    with kernel.port.locked(INIT_MUTEX):
        # PARAMETERS
        node = kernel.devices[device].node

        # CHECKS
        if node.owned:
            return kernel.take_another(node, device)

        # EFFECT
        node.owned = kernel.clear_out(node, device)
        if not node.owned:
            kernel.host_again(node, device)

        # RETURN
        return node.owned


def take_another(kernel: "Kernel", node: Node, device: int) -> bool:
    """One more function of a PE that user space has."""
    return True


def clear_out(kernel: "Kernel", node: Node, device: int) -> bool:
    """Remove the dynamic window of the host and the default one; False if the device would still reach what they map.

    device: the function that is taken first.
    """
    # PARAMETERS
    window, table = node.window, node.tables.get("default")
    kernel.reached(f"take: {_use(window)}")

    # EFFECT
    kernel.forget_use(node, device)
    if window is not None and not kernel.remove_host_window(node, window):
        return False
    if window is not None:
        kernel.drop_returned(node)

    # RETURN
    return node.default is None or kernel.drop_default(node, table)


def _use(window: DmaWindow | None) -> str:
    if window is None:
        return "default window alone"
    split = window.dynamic_start < window.size
    return "dynamic window" if not window.direct_size else "split window" if split else "direct window"


def forget_use(kernel: "Kernel", node: Node, device: int) -> None:
    """No function of the PE maps through the host's windows any more."""
    node.window = None
    node.tables.clear()
    for dev in _functions(kernel, node):
        dev.window, dev.table, dev.limit, dev.bypass = None, None, 0, False


def remove_host_window(kernel: "Kernel", node: Node, window: DmaWindow) -> bool:
    """Take a window off the list before its TCEs go, so that the memory notifier does not set any of them again.

    Linux: remove_dynamic_dma_windows().
    """
    kernel.unlist(window)
    if not kernel.goes_by_its_name(node, window):
        return True
    kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)
    return kernel.remove_window(node, window.liobn)


def goes_by_its_name(kernel: "Kernel", node: Node, window: DmaWindow) -> bool:
    """Whether the property of a window is found, whichever of the two names it has."""
    return True


def can_be_restored(kernel: "Kernel", node: Node) -> bool:
    """Whether a default window that is removed can be had again: only a reset brings it back."""
    return node.applicable is not None and node.extension(RESET_TOKEN) is not None


def drop_default(kernel: "Kernel", node: Node, table: Table | None) -> bool:
    """Clear the host's table of it, if there is one, and remove a default window that nobody maps through, having kept its
    property. One that cannot be had again stays, empty. Linux: remove_dma_window_named().
    """
    # PARAMETERS
    default, cleared = node.default, table is None or kernel.clear_default(table)

    # CHECKS
    if not kernel.can_be_restored(node):
        return cleared
    if default is None or not kernel.save_default(node, committed=False):
        return False

    # EFFECT
    gone = kernel.remove_default(node, default.liobn)
    if gone:
        kernel.save_default(node, committed=True)
        node.default = None

    # RETURN
    return gone


def drop_returned(kernel: "Kernel", node: Node) -> None:
    """Remove a default window that has come back by itself with the removal of the PE's last other one (LoPAR
    R1-7.3.27.3-3): it is empty, and would take the place of the next. Whether it came back only firmware knows.
    """
    if node.default is None and node.saved is not None and not node.user:
        kernel.reached("the default window came back")
        kernel.remove_default(node, node.saved.liobn)


# Used


def create_table(
    kernel: "Kernel", device: int, number: int, page_shift: int, window_size: int, levels: int
) -> BusAddress | None:
    """A table for user space on the default window or on a new one, or everything as before. Linux: spapr_tce_create_table().

    Table 0 is on the default window if that is as large as what is asked for, and has such pages.
    """
    with kernel.port.locked(INIT_MUTEX):
        # PARAMETERS
        node = kernel.devices[device].node
        page = PageShift(page_shift)

        # CHECKS, EFFECT
        try:
            with Undo() as undo:
                made = kernel.make_table(node, number, page, window_size, levels, undo)
                undo.pop_all()
        except NotCreated as refusal:
            kernel.reached(f"create table: {refusal.outcome}")
            kernel.note_refusal(node, refusal.outcome)
            return None
        node.user[number] = made

        # RETURN
        return made.table.span.start


def make_table(
    kernel: "Kernel", node: Node, number: int, page_shift: PageShift, window_size: int, levels: int, undo: ExitStack
) -> UserTable:
    """The table, on the window that it belongs to."""
    _check_shape(page_shift, window_size, levels)
    if number == 0 and kernel.asks_for_default(node, page_shift, window_size):
        return kernel.table_on_default(node, window_size, undo)
    return kernel.table_on_new_window(node, page_shift, window_size, undo)


def _check_shape(page_shift: int, window_size: int, levels: int) -> None:
    if window_size & (window_size - 1) or window_size < 1 << page_shift:
        raise NotCreated(TableOutcome.BAD_SIZE)
    if levels > 1:
        raise NotCreated(TableOutcome.LEVELS)


def asks_for_default(kernel: "Kernel", node: Node, page_shift: PageShift, window_size: int) -> bool:
    """Whether the default window will do. Linux: is_default_window_request()."""
    default = node.found or node.saved
    return default is not None and page_shift == DEFAULT_PAGE_SHIFT and window_size <= default.span.size


def table_on_default(kernel: "Kernel", node: Node, window_size: int, undo: ExitStack) -> UserTable:
    """A table on the beginning of the default window, which a reset brings back; that would remove a dynamic one."""
    # CHECKS
    if node.default is None:
        if kernel.costs_window(node):
            raise NotCreated(TableOutcome.COSTS_WINDOW)
        if not kernel.restore_for_user(node):
            raise NotCreated(TableOutcome.NO_DEFAULT)
        undo.callback(kernel.drop_default, node, None)
    assert node.default is not None
    liobn, span = node.default

    # EFFECT
    part = Span(span.start, BusAddress(span.start + window_size))
    table = kernel.user_table(liobn, part, DEFAULT_PAGE_SHIFT, span.start)
    kernel.reached(f"create table: {TableOutcome.DEFAULT if part == span else TableOutcome.PART}")

    # RETURN
    return UserTable(table, None)


def costs_window(kernel: "Kernel", node: Node) -> bool:
    """Whether a reset would remove a window that user space has, or that was left behind."""
    return node.window is not None or any(user.window is not None for user in node.user.values())


def restore_for_user(kernel: "Kernel", node: Node) -> bool:
    """Bring the default window back. Linux: restore_default_dma_window()."""
    if kernel.reset_windows(node):
        node.default = node.saved
    return node.default is not None


def table_on_new_window(
    kernel: "Kernel", node: Node, page_shift: PageShift, window_size: int, undo: ExitStack
) -> UserTable:
    """A table that fills a new window."""
    # PARAMETERS
    entries, shift = window_size >> page_shift, WindowShift(window_size.bit_length() - 1)

    # CHECKS
    if kernel.costs_window(node):
        raise NotCreated(TableOutcome.SECOND)
    if node.applicable is None:
        raise NotCreated(TableOutcome.NOT_APPLICABLE)
    if node.pe in kernel.failed:
        raise NotCreated(TableOutcome.FAILED_BEFORE)
    offer = kernel.query_ddw(node)
    if offer is None:
        raise NotCreated(TableOutcome.QUERY_FAILED)
    if page_shift not in (known for bit, known in enumerate(PAGE_SHIFT_OF_BIT) if offer.pages >> bit & 1):
        raise NotCreated(TableOutcome.NO_PAGE_SIZE)
    if offer.block < entries:
        raise NotCreated(TableOutcome.TOO_LARGE)

    # EFFECT
    created = kernel.create_ddw(node, page_shift, shift)
    if created is None:
        raise NotCreated(TableOutcome.CREATE_FAILED)
    undo.callback(kernel.remove_user_window, node, created.liobn)
    if not kernel.port.allocate("property"):
        raise NotCreated(TableOutcome.NO_PROPERTY)
    if not kernel.port.allocate("list-entry"):
        raise NotCreated(TableOutcome.NO_ENTRY)
    window = DmaWindow(created.liobn, created.base, page_shift, shift, direct_size=0, dynamic_start=0)
    table = kernel.user_table(window.liobn, Span(window.base, window.stop), page_shift, window.base)
    kernel.list_window(window)
    kernel.reached(f"create table: {TableOutcome.DYNAMIC}")

    # RETURN
    return UserTable(table, window)


def user_table(
    kernel: "Kernel", liobn: Liobn, span: Span[BusAddress], page_shift: PageShift, window_base: BusAddress
) -> Table:
    """An empty table; user space hands out its entries itself. Linux: iommu_init_table(), iommu_table_clear()."""
    if not (kernel.port.allocate("table") and kernel.port.allocate("bitmap")):
        raise NotCreated(TableOutcome.NO_TABLE)
    table = Table(liobn, span, page_shift, window_base)
    if kernel.clear_entries(liobn, span.start, page_shift, table.entries):
        raise NotCreated(TableOutcome.NOT_CLEARED)
    table.taken = kernel.user_view()
    return table


def user_view(kernel: "Kernel") -> EntryMap:
    """Where the kernel notes what user space has mapped. Linux: pseries_tce_iommu_userspace_view_alloc()."""
    if not kernel.port.allocate("userspace-view"):
        raise NotCreated(TableOutcome.NO_VIEW)
    return EntryMap()


def note_refusal(kernel: "Kernel", node: Node, outcome: TableOutcome) -> None:
    """What user space cannot have is no reason to refuse a window to the host's driver later."""


def set_window(kernel: "Kernel", device: int, number: int, source: int) -> bool:
    """Whether the PE translates by that table: it does so from its creation on, and by no other PE's.

    Linux: spapr_tce_set_window().
    """
    asked = kernel.devices[source].node.user.get(number)
    return asked is not None and kernel.devices[device].node.user.get(number) is asked


def unset_window(kernel: "Kernel", device: int, number: int) -> bool:
    """Clear what user space has left mapped, and remove the window. Linux: tce_iommu_clear(), spapr_tce_unset_window()."""
    # PARAMETERS
    node = kernel.devices[device].node
    table, window = node.user.pop(number)
    table.freed = True

    # EFFECT, RETURN
    kernel.clear_user_table(table)
    with kernel.port.locked(INIT_MUTEX):
        return kernel.drop_user_window(node, number, table, window)


def drop_user_window(kernel: "Kernel", node: Node, number: int, table: Table, window: DmaWindow | None) -> bool:
    """Remove the window of a table: one that was made for it, or the default one. Linux: is_default_window_table()."""
    if window is None:
        return kernel.drop_default(node, None)
    kernel.unlist(window)
    return kernel.remove_user_window(node, window.liobn)


def clear_user_table(kernel: "Kernel", table: Table) -> None:
    """Clear every entry that user space has mapped."""
    for first, stop in list(table.taken.spans()):
        kernel.clear_user(table, first, stop - first)


def remove_user_window(kernel: "Kernel", node: Node, liobn: Liobn) -> bool:
    """Remove a window made for user space."""
    gone = kernel.remove_window(node, liobn)
    if gone:
        kernel.drop_returned(node)
    return gone


# It maps and unmaps


def map_user(
    kernel: "Kernel", device: int, number: int, iova: BusAddress, memory: Span[PhysAddr], direction: Direction
) -> BusAddress | None:
    """Point TCEs at memory where user space asks for it, all or none; whole I/O pages only. Linux: tce_iommu_build_v2()."""
    # PARAMETERS
    table = kernel.devices[device].node.user[number].table
    page = 1 << table.page_shift
    handle = Span(iova, BusAddress(iova + memory.size))

    # CHECKS
    if iova % page or memory.start % page or memory.size % page or not table.span.covers(handle):
        return None

    # EFFECT
    first, count = (iova - table.span.start) // page, memory.size // page
    held = list(table.taken.spans())
    status, done = kernel.exchange(table, first, count, Tce(memory.start | direction.needs), page)
    if status is not HcallStatus.SUCCESS:
        kernel.clear_user(table, first, done)
        table.taken.free(first + done, count - done)
        for start, stop in held:  # what could not be cleared before is still not free
            again = Span(max(start, first + done), min(stop, first + count))
            if again.size > 0:
                table.taken.take(again.start, again.size)
        return None

    # RETURN
    return iova


def unmap_user(kernel: "Kernel", device: int, number: int, handle: Span[BusAddress]) -> None:
    """End a mapping. Linux: tce_iommu_clear()."""
    table = kernel.devices[device].node.user[number].table
    kernel.clear_user(table, (handle.start - table.span.start) >> table.page_shift, handle.size >> table.page_shift)


def clear_user(kernel: "Kernel", table: Table, first: int, count: int) -> None:
    """Clear TCEs of user space, each by itself; what the hypervisor refuses stays taken, as the device still reaches it."""
    done, refused = 0, 0
    while done < count:
        table_first = first + done
        _, cleared = kernel.exchange(table, table_first, count - done, Tce(0), 0)
        table.taken.free(table_first, cleared)
        done += cleared + 1
        refused += 1
        if refused > MOST_REFUSALS:
            return


def exchange(kernel: "Kernel", table: Table, first: int, count: int, tce: Tce, step: int) -> tuple[HcallStatus, int]:
    """Write TCEs one by one until one is refused: the status, and how many are written. Entries that user space maps are
    taken. Linux: tce_exchange_pseries().
    """
    if tce & CONTROL:
        table.taken.take(first, count)
    run = TceRun(PutTce, table.liobn, table.address(first), tce, step, 1 << table.page_shift, count, 1)
    with kernel.port.locked(pool_lock(table.liobn)):
        answer = kernel.port.hcall(run)
    return answer.status, answer.done


# Given back


def release_ownership(kernel: "Kernel", device: int) -> None:
    """Give a function back to the host; with the first of its PE come the windows, as at boot.

    Linux: spapr_tce_release_ownership().
    """
    with kernel.port.locked(INIT_MUTEX):
        node = kernel.devices[device].node
        if not node.owned:
            kernel.release_another(node, device)
            return
        node.owned = False
        kernel.host_again(node, device)


def release_another(kernel: "Kernel", node: Node, device: int) -> None:
    """One more function of a PE that the host has again."""


def host_again(kernel: "Kernel", node: Node, device: int) -> None:
    """The windows as at boot; `device` is the function that comes first. Linux: pseries_setup_default_iommu_config()."""
    kernel.restore_for_host(node)
    node.limited = node.gave_up = False
    table = kernel.table_again(node)
    if table is not None:
        node.tables["default"] = table
    kernel.use_again(node, device)


def restore_for_host(kernel: "Kernel", node: Node) -> None:
    """A reset; a default window that firmware does not bring back is none."""
    if kernel.reset_windows(node):
        node.default = node.default or node.saved


def table_again(kernel: "Kernel", node: Node) -> Table | None:
    """The table of the default window, None without memory."""
    return kernel.default_table(node)


def use_again(kernel: "Kernel", node: Node, device: int) -> None:
    """Every function of the PE maps through the default window's table, until a driver sets its mask."""
    for dev in _functions(kernel, node):
        dev.table = kernel.table_for(dev, dev.mask)


def _functions(kernel: "Kernel", node: Node) -> Iterator[Device]:
    return (dev for dev in kernel.devices.values() if dev.node is node)
