# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking for the default window resets the PE although user space has a dynamic one."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def never(kernel: "Kernel", node: Node) -> bool:
    """Do not look."""
    return False


DEFECT = Defect(
    id="default-costs-the-window",
    breaks="no-dead-liobn",
    replaces=vfio.costs_window,
    by=never,
    root_cause="A missing find_existing_ddw() in spapr_tce_create_table(): a reset removes every window of the PE.",
)
