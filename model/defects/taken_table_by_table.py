# SPDX-License-Identifier: GPL-2.0-or-later
"""What user space is given depends on which tables its PE has, not on which windows."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_the_first_table(kernel: "Kernel", node: Node, device: int) -> bool:
    """Linux: spapr_tce_take_ownership(), whose early return is meant for the other functions of a PE, and
    remove_dynamic_dma_windows(), which takes tables[0] for the dynamic window's where there is no tables[1].
    """
    window, default, dynamic = node.window, node.tables.get("default"), node.tables.get("ddw")
    first = default or (dynamic if node.default is None else None)
    one_window = node.offered is not None and node.offered.windows == 0
    if first is None and not one_window:
        return True
    put = window is not None and not kernel.is_direct(window) and (dynamic is None or first is dynamic)
    kernel.forget_use(node, device)
    if window is not None and not kernel.remove_host_window(node, window):
        return False
    if window is not None:
        kernel.drop_returned(node)
    return put or first is None or node.default is None or kernel.drop_default(node, first)


DEFECT = Defect(
    id="taken-table-by-table",
    breaks=None,
    replaces=vfio.clear_out,
    by=by_the_first_table,
    releases=("6.12", "7.2", "7.3"),
    root_cause="tables[0] is NULL where a direct window took the place of the default one, and where there was no memory for "
    "it when the PE came back; only a query at attach that succeeded excuses that. After kexec a window that was found "
    "beside the default one has no table: the default one's goes, whose property then stays.",
)
