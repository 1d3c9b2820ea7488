# SPDX-License-Identifier: GPL-2.0-or-later
"""Of several functions only one gets a table when user space gives their PE back."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def one_alone(kernel: "Kernel", node: Node, device: int) -> None:
    """Linux: spapr_tce_release_ownership() returns before it sets the table of the others, once the first one is back."""
    kernel.devices[device].table = node.tables.get("default") or kernel.devices[device].table


DEFECT = Defect(
    id="one-function-comes-back",
    breaks="detach-leaves-nothing",
    replaces=vfio.use_again,
    by=one_alone,
    releases=("6.12", "7.2", "7.3"),
    root_cause="It returns early by the state of the group, which the first function has changed; what belongs to each "
    "function by itself is left as it was.",
)
