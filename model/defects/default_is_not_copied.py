# SPDX-License-Identifier: GPL-2.0-or-later
"""The property of a default window that was given up is not kept for anybody."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def never(kernel: "Kernel", node: Node, committed: bool) -> bool:
    """Linux before 6.10: of_remove_property() alone."""
    return True


DEFECT = Defect(
    id="default-is-not-copied",
    breaks="detach-leaves-nothing",
    replaces=enable.save_default,
    by=never,
    releases=("6.1",),
    root_cause="Only the ownership of VFIO reads the copy, and came later; with it, a PE that is given back would have no "
    "default window.",
)
