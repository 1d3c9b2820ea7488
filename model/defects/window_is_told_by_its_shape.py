# SPDX-License-Identifier: GPL-2.0-or-later
"""A window of user space that looks like the default one is never removed."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.devices import DEFAULT_PAGE_SHIFT
from model.guest.table import Table
from model.guest.windows import DmaWindow, Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_page_and_size(kernel: "Kernel", node: Node, number: int, table: Table, window: DmaWindow | None) -> bool:
    """Linux: is_default_window_table() compares with table_group->tce32_size."""
    most = node.found.span.size if node.found is not None else 0
    if number or table.page_shift != DEFAULT_PAGE_SHIFT or table.span.size > most:
        return vfio.drop_user_window(kernel, node, number, table, window)
    node.window = window
    return kernel.drop_default(node, None)


DEFECT = Defect(
    id="window-is-told-by-its-shape",
    breaks=None,
    replaces=vfio.drop_user_window,
    by=by_page_and_size,
    releases=("6.12", "7.2", "7.3"),
    root_cause="Where the default window is still there, the first table of user space lies on a new window, of whatever "
    "size. Its window, property and list entry stay, and the default window's property goes.",
)
