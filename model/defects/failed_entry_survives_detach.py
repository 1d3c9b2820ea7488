# SPDX-License-Identifier: GPL-2.0-or-later
"""The note that enabling a node once failed outlives the node."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import devices
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def remember_for_ever(kernel: "Kernel", node: Node) -> None:
    """Linux: nothing removes an entry of failed_ddw_pdn_list."""


DEFECT = Defect(
    id="failed-entry-survives-detach",
    breaks="detach-leaves-nothing",
    replaces=devices.forget_failure,
    by=remember_for_ever,
    releases=RELEASES,
    root_cause="iommu_reconfig_notifier() frees the table group and the window's list entry, not the entry of the failed "
    "list; a later node at the same address would be refused without being tried.",
)
