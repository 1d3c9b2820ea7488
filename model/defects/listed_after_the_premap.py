# SPDX-License-Identifier: GPL-2.0-or-later
"""RAM is mapped first and the window listed afterwards, and memory may come and go meanwhile."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def walk_then_list(kernel: "Kernel", window: DmaWindow, undo: ExitStack) -> bool:
    """Linux: enable_ddw() has walk_system_ram_range(), then list_add(), and no lock around both."""
    if window.direct_size:
        kernel.undo_premap(window, undo)
        if not kernel.premap_ram(window):
            return False
    kernel.list_window(window)
    undo.callback(kernel.unlist, window)
    return True


DEFECT = Defect(
    id="listed-after-the-premap",
    breaks="ram-covered",
    releases=RELEASES,
    replaces=enable.list_and_premap,
    by=walk_then_list,
    root_cause="A block that goes online in between is mapped neither by the walk nor by the notifier.",
)
