# SPDX-License-Identifier: GPL-2.0-or-later
"""User space is given a PE with the dynamic window of the host."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def forget_alone(kernel: "Kernel", node: Node, device: int) -> bool:
    """Forget the windows without a call."""
    window = node.window
    kernel.forget_use(node, device)
    if window is not None:
        kernel.unlist(window)
    return True


DEFECT = Defect(
    id="owner-gets-host-tces",
    breaks="detach-leaves-nothing",
    replaces=vfio.clear_out,
    by=forget_alone,
    root_cause="A missing remove_dynamic_dma_windows(): the process reaches all of RAM that was mapped directly.",
)
