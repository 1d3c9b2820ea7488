# SPDX-License-Identifier: GPL-2.0-or-later
"""Each device's windows are queried when it is attached, for VFIO's sake."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices
from model.guest.windows import Node
from model.interfaces import Boot

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def ask(kernel: "Kernel", node: Node) -> None:
    """Linux: spapr_tce_init_table_group(), which keeps what it learns for other users of the group."""
    if kernel.boot is not Boot.KDUMP and node.applicable is not None:
        node.offered = kernel.query_ddw(node)


DEFECT = Defect(
    id="query-at-attach",
    breaks=None,
    replaces=devices.look_at_offer,
    by=ask,
    releases=("6.12", "7.2", "7.3"),
    root_cause="The number of windows and the page sizes are for VFIO; the answer changes nothing for the host's own DMA.",
)
