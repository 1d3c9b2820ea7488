# SPDX-License-Identifier: GPL-2.0-or-later
"""User space is given a PE whose window firmware would not remove, with TCEs that it would not clear."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import DmaWindow, Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def go_on(kernel: "Kernel", node: Node, window: DmaWindow) -> bool:
    """Linux: remove_dynamic_dma_windows() always returns 0, so that its caller's check is never met."""
    vfio.remove_host_window(kernel, node, window)
    return True


DEFECT = Defect(
    id="owner-gets-what-was-not-removed",
    breaks="detach-leaves-nothing",
    replaces=vfio.remove_host_window,
    by=go_on,
    releases=("6.12", "7.2", "7.3"),
    root_cause="Neither the clearing nor the removal of the host's window is looked at: where both are refused, it gets "
    "a device that still reaches the host's memory. From reading.",
)
