# SPDX-License-Identifier: GPL-2.0-or-later
"""Reset is asked once: if firmware is busy, the default window stays lost."""

from typing import TYPE_CHECKING

from model.calls import RtasCall, RtasStatus
from model.defects import RELEASES, Defect
from model.guest import rtas
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def ask_once(kernel: "Kernel", node: Node, limited: bool = False) -> bool:
    """Linux: reset_dma_window() and limited_dma_window() have no rtas_busy_delay() loop."""
    token = node.extension(rtas.RESET_TOKEN)
    if token is None:
        return False
    call = RtasCall(token, (*node.pe.cells, 1) if limited else node.pe.cells, 1)
    return kernel.port.rtas(call).status is RtasStatus.SUCCESS


DEFECT = Defect(
    id="reset-gives-up-when-busy",
    breaks="enable-fails-clean",
    replaces=rtas.reset_windows,
    by=ask_once,
    releases=RELEASES,
    root_cause="LoPAR table 133 lets ibm,reset-pe-dma-windows answer -2; the kernel takes it for a failure and goes on "
    "without a default window.",
)
