# SPDX-License-Identifier: GPL-2.0-or-later
"""vPMEM below the direct limit is routed to the direct part, where nothing maps it."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.guest.windows import Device
from model.types import DmaMask, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def mask_of_all_memory(kernel: "Kernel", dev: Device) -> DmaMask:
    """What reaches all memory there ever was at its direct address. Linux: dma_direct_get_required_mask()."""
    highest = (dev.offset + kernel.highest - (1 << kernel.page_shift)) % (1 << 64)
    return DmaMask((1 << highest.bit_length()) - 1)


def bypasses(kernel: "Kernel", dev: Device, mask: DmaMask) -> bool:
    """Whether no address is looked at: all memory is within mask and limit. Linux: dma_go_direct()."""
    return dev.bypass and (min(mask, dev.limit) if dev.limit else mask) >= mask_of_all_memory(kernel, dev)


def by_limit_alone(kernel: "Kernel", device: int, memory: Span[PhysAddr]) -> bool:
    """Linux: can_map_direct() compares with bus_dma_limit; it takes vPMEM to lie above all RAM there may ever be."""
    dev = kernel.devices[device]
    return bypasses(kernel, dev, dev.mask) or (dev.limit > 0 and dev.offset + memory.stop <= dev.limit)


DEFECT = Defect(
    id="vpmem-below-limit-goes-direct",
    breaks="limit-matches-split",
    replaces=mapping.routes_directly,
    by=by_limit_alone,
    releases=RELEASES,
    root_cause="Only RAM is pre-mapped, but routing looks at the address alone. Harmless as long as every platform puts "
    "vPMEM above ibm,lrdr-capacity rounded up to a power of two. Nor does it look at the mask, so that memory beyond it is "
    "not mapped at all.",
)
