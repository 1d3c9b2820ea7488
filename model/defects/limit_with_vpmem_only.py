# SPDX-License-Identifier: GPL-2.0-or-later
"""Without vPMEM all memory is routed directly; with it, what lies below a limit that is never taken back."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.defects.window_for_all_addresses import max_physmem_bits
from model.guest import masks
from model.guest.windows import Device
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def shift_of(dev: Device) -> int:
    """log2 of the size of the device's window, or of the one that it was to have. Linux: len in enable_ddw()."""
    plan = dev.node.plan
    return dev.window.shift if dev.window else int(plan.shift) if plan else 0


def once_and_for_ever(kernel: "Kernel", dev: Device, direct: bool) -> None:
    """Linux: the end of enable_ddw(), and dma_iommu_dma_supported()."""
    if not direct:
        return
    if kernel.vpmem and shift_of(dev) != max_physmem_bits(kernel.page_shift):
        dev.limit = dev.offset + (1 << int(kernel.ram_shift(word(kernel.hotplug_max()))))
    dev.bypass = dev.limit == 0


DEFECT = Defect(
    id="limit-with-vpmem-only",
    breaks=None,
    replaces=masks.limit_direct,
    by=once_and_for_ever,
    releases=("6.12",),
    root_cause="bus_dma_limit is set by whether there is vPMEM at this moment. Harmless by itself: it is the routing that "
    "trusts it.",
)
