# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window goes to user space although nothing can bring it back."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def hope(kernel: "Kernel", node: Node) -> bool:
    """Linux: spapr_tce_take_ownership() does not ask for the reset extension, as enable_ddw() does."""
    return node.applicable is not None


DEFECT = Defect(
    id="default-given-up-for-good",
    breaks="detach-leaves-nothing",
    replaces=vfio.can_be_restored,
    by=hope,
    root_cause="Without ibm,reset-pe-dma-windows neither the next table of user space nor the host's driver has a default "
    "window, and reset_dma_window() fails in silence. From reading: as "
    "long as default-window-stays is there, nothing comes of it.",
)
