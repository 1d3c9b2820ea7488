# SPDX-License-Identifier: GPL-2.0-or-later
"""With vPMEM and a window just as large as RAM, what lies below a limit is routed directly; else all memory."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.defects.limit_with_vpmem_only import shift_of
from model.guest import masks
from model.guest.windows import Device
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def if_just_as_large(kernel: "Kernel", dev: Device, direct: bool) -> None:
    """Linux before 6.11: the end of enable_ddw(), and dma_iommu_dma_supported()."""
    if not direct:
        return
    size = shift_of(dev)
    if kernel.vpmem and size == int(kernel.ram_shift(word(kernel.hotplug_max()))):
        dev.limit = dev.offset + (1 << size)
    dev.bypass = dev.limit == 0


DEFECT = Defect(
    id="limit-at-the-size-of-ram",
    breaks=None,
    replaces=masks.limit_direct,
    by=if_just_as_large,
    releases=("6.1",),
    root_cause="bus_dma_limit is set by whether there is vPMEM at this moment. Harmless by itself: it is the routing that "
    "trusts it.",
)
