# SPDX-License-Identifier: GPL-2.0-or-later
"""All memory below a limit is routed directly, which is never taken back."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import masks
from model.guest.windows import Device
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def below_all_ram(kernel: "Kernel", dev: Device, direct: bool) -> None:
    """Linux: the end of enable_ddw(), and dma_iommu_dma_supported()."""
    if direct:
        dev.limit = dev.offset + (1 << int(kernel.ram_shift(word(kernel.hotplug_max()))))
        dev.bypass = True


DEFECT = Defect(
    id="limit-whenever-direct",
    breaks=None,
    replaces=masks.limit_direct,
    by=below_all_ram,
    releases=("7.2", "7.3"),
    root_cause="bus_dma_limit stays when a smaller mask is set. Harmless by itself: it is the routing that trusts it.",
)
