# SPDX-License-Identifier: GPL-2.0-or-later
"""A detached window leaves the list of the memory notifier when it is gone already."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import devices
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def remove_then_unlist(kernel: "Kernel", node: Node) -> None:
    """Linux: iommu_reconfig_notifier() has remove_dma_window_named(), then list_del()."""
    for window in (node.stray, node.window):  # by its property
        if window is not None:
            kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)
            kernel.remove_window(node, window.liobn)
    if node.window is not None:
        kernel.unlist(node.window)
    kernel.forget_failure(node)


DEFECT = Defect(
    id="unlisted-last",
    breaks="no-dead-liobn",
    releases=RELEASES,
    replaces=devices.forget_node,
    by=remove_then_unlist,
    root_cause="A notifier that walks the list meanwhile writes TCEs of a window that does not exist any more.",
)
