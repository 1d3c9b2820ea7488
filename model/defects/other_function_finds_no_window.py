# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a PE has room for one window, its second function is refused to user space, which has the first, with a warning."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node
from model.interfaces import Crash

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def look_for_its_window(kernel: "Kernel", node: Node, device: int) -> bool:
    """Linux: spapr_tce_take_ownership() asks pci_dma_find(), which finds no property any more."""
    if node.offered is not None and node.offered.windows == 0:
        if node.default is None and node.stray is None:
            raise Crash("WARN at arch/powerpc/platforms/pseries/iommu.c:807")
        kernel.devices[device].table = None
    return True


DEFECT = Defect(
    id="other-function-finds-no-window",
    breaks=None,
    replaces=vfio.take_another,
    by=look_for_its_window,
    releases=("6.12", "7.2", "7.3"),
    root_cause="It returns early for a PE whose first function was taken, but not if max_dynamic_windows_supported is 1.",
)
