# SPDX-License-Identifier: GPL-2.0-or-later
"""A table that user space cannot have puts the PE on the list of those that are never tried again."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.vfio import TableOutcome
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

FORGIVEN = (
    TableOutcome.BAD_SIZE, TableOutcome.LEVELS, TableOutcome.COSTS_WINDOW, TableOutcome.FAILED_BEFORE,
    TableOutcome.TOO_LARGE, TableOutcome.NO_TABLE, TableOutcome.NO_PAGE_SIZE,
)  # fmt: skip


def never_again(kernel: "Kernel", node: Node, outcome: TableOutcome) -> None:
    """Linux: out_failed in spapr_tce_create_table(). A second dynamic window is among them: its property exists already."""
    if outcome not in FORGIVEN and kernel.port.allocate("failed-entry"):
        kernel.failed.append(node.pe)


DEFECT = Defect(
    id="user-failure-bars-the-host",
    breaks="enable-fails-clean",
    replaces=vfio.note_refusal,
    by=never_again,
    releases=("6.12", "7.2", "7.3"),
    root_cause="failed_ddw_pdn_list is shared with enable_ddw(): what a process asked for in vain costs the driver its "
    "window until the slot is removed, and the process all further tables, the default one too. From reading.",
)
