# SPDX-License-Identifier: GPL-2.0-or-later
"""The window of a PE that user space takes leaves the list of the memory notifier when it is gone already."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import DmaWindow, Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def remove_then_unlist(kernel: "Kernel", node: Node, window: DmaWindow) -> bool:
    """As the source of remove_dynamic_dma_windows() reads: remove_dma_window_named(), then list_del()."""
    kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)
    gone = kernel.remove_window(node, window.liobn)
    kernel.unlist(window)
    return gone


DEFECT = Defect(
    id="owned-window-unlisted-last",
    breaks="no-write-outside",
    replaces=vfio.remove_host_window,
    by=remove_then_unlist,
    root_cause="A notifier that walks the list meanwhile maps RAM in a window on its way to user space, or in none.",
)
