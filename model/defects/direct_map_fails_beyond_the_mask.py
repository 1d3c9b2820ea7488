# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that is routed directly beyond the mask is not mapped at all, though the device has a table."""

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.guest.windows import Device
from model.interfaces import Crash
from model.types import BusAddress, PhysAddr, Span


def within_mask_and_limit(dev: Device, memory: Span[PhysAddr]) -> BusAddress:
    """Linux: dma_direct_map_page() by dma_capable(), and warns."""
    last = min(dev.mask, dev.limit) if dev.limit else dev.mask
    handle = dev.offset + memory.start
    if handle + memory.size - 1 > last:
        raise Crash("WARN in dma_direct_map_page(): an address beyond the mask")
    return BusAddress(handle)


DEFECT = Defect(
    id="direct-map-fails-beyond-the-mask",
    breaks=None,
    replaces=mapping.direct_handle,
    by=within_mask_and_limit,
    releases=RELEASES,
    root_cause="The route is chosen by bus_dma_limit, the mask is compared afterwards. Harmless where the route looks at "
    "the mask too.",
)
