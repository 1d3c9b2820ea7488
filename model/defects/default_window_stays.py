# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window of a PE that changes hands stays, with what it maps; its property alone goes."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.table import Table
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def property_alone(kernel: "Kernel", node: Node, table: Table | None) -> bool:
    """Linux: remove_dma_window_named() takes a property for a window that has at least 24 bytes; this one has 20."""
    if node.applicable is not None:
        kernel.save_default(node, committed=False)
        kernel.save_default(node, committed=True)
        node.default = None
    return True


DEFECT = Defect(
    id="default-window-stays",
    breaks=None,
    replaces=vfio.drop_default,
    by=property_alone,
    releases=("6.12", "7.2", "7.3"),
    root_cause="struct dynamic_dma_window_prop is padded to 24 bytes, ibm,dma-window has five cells. Where a PE has one "
    "window, its owner gets no other one.",
)
