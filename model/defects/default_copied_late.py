# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window's property is copied when the window is gone, and lost if there is no memory."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def afterwards(kernel: "Kernel", node: Node, committed: bool) -> bool:
    """Linux: copy_property() at the end of enable_ddw() and in remove_dma_window_named(); it returns nothing."""
    if committed and node.saved is None and kernel.port.allocate("saved-property"):
        parts = [kernel.port.allocate("saved-property") for _ in ("its name", "its value")]
        node.saved = node.default if all(parts) else None
    return True


DEFECT = Defect(
    id="default-copied-late",
    breaks="detach-leaves-nothing",
    replaces=enable.save_default,
    by=afterwards,
    releases=("6.12", "7.2", "7.3"),
    root_cause="Without memory for the copy the default window is given up all the same. When user space gives the PE back "
    "there is nothing to restore the property from; Linux then hands NULL to its parser.",
)
