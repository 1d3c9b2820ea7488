# SPDX-License-Identifier: GPL-2.0-or-later
"""A table for user space is allocated before it is known whether there is a window for it, and lost where there is none."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.sizing import PAGE_SHIFT_OF_BIT
from model.guest.table import Table
from model.guest.vfio import NotCreated, TableOutcome
from model.guest.windows import DmaWindow, Node, UserTable
from model.interfaces import Crash
from model.types import BusAddress, PageShift, Span, WindowShift

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

DEFAULT_PAGE_SHIFT, WIDEST = 12, 31
"""Linux: query_page_size_to_mask() has an int for its result."""


def in_its_order(
    kernel: "Kernel", node: Node, number: int, page_shift: PageShift, window_size: int, levels: int, undo: ExitStack
) -> UserTable:
    """Linux: tce_iommu_create_window(), spapr_tce_create_table()."""
    pages = node.offered.pages if node.offered is not None else 0
    known = [shift for bit, shift in enumerate(PAGE_SHIFT_OF_BIT) if pages >> bit & 1 and shift < WIDEST]
    if page_shift != DEFAULT_PAGE_SHIFT and page_shift not in known:
        raise NotCreated(TableOutcome.NO_PAGE_SIZE)
    if window_size & (window_size - 1) or window_size < 1 << page_shift - 3:  # the size of its TCEs in bytes is not 0
        raise NotCreated(TableOutcome.BAD_SIZE)
    if levels > 1:
        raise NotCreated(TableOutcome.LEVELS)
    if node.pe in kernel.failed:
        raise NotCreated(TableOutcome.FAILED_BEFORE)
    if not kernel.port.allocate("table"):
        raise NotCreated(TableOutcome.NO_TABLE)
    if number == 0:
        size = node.found.span.size if node.found is not None else 0
        wants_default = page_shift == DEFAULT_PAGE_SHIFT and window_size <= size
        if kernel.costs_window(node) and not (wants_default and node.default is not None):
            raise NotCreated(TableOutcome.COSTS_WINDOW)
        if wants_default and node.default is None:
            return _on_default(kernel, node, window_size)
    return _on_new_window(kernel, node, page_shift, window_size, undo)


def _on_default(kernel: "Kernel", node: Node, window_size: int) -> UserTable:
    kernel.restore_for_host(node)
    if window_size < 1 << DEFAULT_PAGE_SHIFT:
        raise Crash("WARN at arch/powerpc/platforms/pseries/iommu.c:151")
    if node.default is None:  # restored-without-looking says what becomes of that
        raise NotCreated(TableOutcome.NO_DEFAULT)
    liobn, span = node.default
    part = Span(span.start, BusAddress(span.start + window_size))
    return UserTable(_set_up(kernel, node, Table(liobn, part, PageShift(DEFAULT_PAGE_SHIFT), span.start)), None)


def _on_new_window(kernel: "Kernel", node: Node, page_shift: PageShift, window_size: int, undo: ExitStack) -> UserTable:
    shift = WindowShift(window_size.bit_length() - 1)
    if node.applicable is None:
        raise NotCreated(TableOutcome.NOT_APPLICABLE)
    offer = kernel.query_ddw(node)
    if offer is None:
        raise NotCreated(TableOutcome.QUERY_FAILED)
    if offer.block < window_size >> page_shift or window_size < 1 << page_shift:  # a shift below 0, as on this machine
        raise NotCreated(TableOutcome.TOO_LARGE)
    created = kernel.create_ddw(node, page_shift, shift)
    if created is None:
        raise NotCreated(TableOutcome.CREATE_FAILED)
    undo.callback(kernel.remove_user_window, node, created.liobn)
    if not kernel.port.allocate("property"):
        raise NotCreated(TableOutcome.NO_PROPERTY)
    if kernel.costs_window(node):
        raise NotCreated(TableOutcome.SECOND)
    if not kernel.port.allocate("list-entry"):
        raise NotCreated(TableOutcome.NO_ENTRY)
    window = DmaWindow(created.liobn, created.base, page_shift, shift, direct_size=0, dynamic_start=0)
    table = _set_up(kernel, node, Table(window.liobn, Span(window.base, window.stop), page_shift, window.base))
    kernel.list_window(window)
    first = next(dev for dev in kernel.devices.values() if dev.node is node)
    first.kept_offset, first.table = created.base, table
    return UserTable(table, window)


def _set_up(kernel: "Kernel", node: Node, table: Table) -> Table:
    """Without memory for its map, the table is not cleared; nobody looks."""
    if kernel.port.allocate("bitmap"):
        kernel.clear_entries(table.liobn, table.span.start, table.page_shift, table.entries)
    table.taken = kernel.user_view()
    return table


DEFECT = Defect(
    id="table-comes-first",
    breaks=None,
    replaces=vfio.make_table,
    by=in_its_order,
    releases=("6.12", "7.2", "7.3"),
    root_cause="spapr_tce_create_table() loses the table on out_unlock and out_failed. I/O pages are those that a query "
    "named when the PE was found, but for 16 GiB ones, whose bit an int does not hold.",
)
