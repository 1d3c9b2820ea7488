# SPDX-License-Identifier: GPL-2.0-or-later
"""The window of a PE is removed when its first function goes."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def forget_all(kernel: "Kernel", device: int) -> None:
    """The others map through it still."""
    node = kernel.devices.pop(device).node
    kernel.forget_node(node)
    node.window = None
    node.tables.pop("ddw", None)
    if not any(dev.node is node for dev in kernel.devices.values()):
        del kernel.nodes[node.pe]


DEFECT = Defect(
    id="node-goes-with-the-first-function",
    breaks="limit-matches-split",
    replaces=devices.detach,
    by=forget_all,
    root_cause="Forgotten that several functions share a node.",
)
