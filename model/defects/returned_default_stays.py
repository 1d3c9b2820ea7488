# SPDX-License-Identifier: GPL-2.0-or-later
"""A default window that comes back with the removal of the last other one stays, and takes the place of the next."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def leave_it(kernel: "Kernel", node: Node) -> None:
    """Linux: neither remove_dynamic_dma_windows() nor spapr_tce_unset_window() knows of it."""


DEFECT = Defect(
    id="returned-default-stays",
    breaks=None,
    replaces=vfio.drop_returned,
    by=leave_it,
    releases=("6.12", "7.2", "7.3"),
    root_cause="LoPAR R1-7.3.27.3-3. On a function with room for one window, user space gets none of its own until a reset, "
    "which nobody makes for it.",
)
