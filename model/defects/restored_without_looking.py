# SPDX-License-Identifier: GPL-2.0-or-later
"""A PE that user space gives back gets a table on its default window, whether or not the reset restored that."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node
from model.interfaces import Crash

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def copy_back(kernel: "Kernel", node: Node) -> None:
    """Linux: restore_default_dma_window() copies the property back after a reset_dma_window() that returns nothing."""
    kernel.reset_windows(node)
    if node.saved is not None:
        parts = [kernel.port.allocate("saved-property") for _ in ("it", "its name", "its value")]
        node.default = node.default or (node.saved if all(parts) else None)
    if node.default is None:
        raise Crash("NULL dereference in of_parse_dma_window() at device_tree.c:0")


DEFECT = Defect(
    id="restored-without-looking",
    breaks="no-dead-liobn",
    replaces=vfio.restore_for_host,
    by=copy_back,
    releases=("6.12", "7.2", "7.3"),
    root_cause="What firmware says to a reset is printed and forgotten. Where the property cannot be copied back, the "
    "parser is given NULL.",
)
