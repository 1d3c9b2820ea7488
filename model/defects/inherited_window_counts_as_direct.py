# SPDX-License-Identifier: GPL-2.0-or-later
"""After kexec a window that holds RAM counts as pre-mapped, whatever became of its TCEs."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import kexec
from model.guest.windows import DmaWindow, Node
from model.interfaces import InheritedWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_its_size(kernel: "Kernel", node: Node, left: InheritedWindow) -> None:
    """Linux: enable_ddw() of 6.1: direct_mapping = (len >= max_ram_len) of a window that was found."""
    size = 1 << left.shift
    direct = size if size >= kernel.hotplug_max() else 0
    node.window = DmaWindow(left.liobn, left.base, left.page_shift, left.shift, direct, direct, left.direct)
    kernel.list_window(node.window)


DEFECT = Defect(
    id="inherited-window-counts-as-direct",
    breaks="ram-covered",
    replaces=kexec.inherit_window,
    by=by_its_size,
    releases=("6.1",),
    commits="d61cd13e732c (6.5) made such windows dynamic",
    root_cause="Without a default window the table of the found one is cleared, and the device bypasses it all the same.",
)
