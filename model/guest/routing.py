# SPDX-License-Identifier: GPL-2.0-or-later
"""Which way a mapping takes: through the pre-mapped direct region, or by TCEs of its own. Pure decisions.

Linux: arch_dma_map_page_direct()/arch_dma_map_phys_direct(), arch_dma_unmap_page_direct()/arch_dma_unmap_phys_direct(),
dma_capable(). Map and unmap must agree for every address, and with a split window both regions lie above dma_offset, so unmap
has to look at both ends of the region.
"""

from typing import Any

from model.words import Word


def map_is_direct(memory: Word, size: Word, direct_end: Word, base: Word, mask: Word) -> Any:
    """Whether [memory, memory + size) is reached at base + memory without a TCE of its own.

    direct_end: size of the direct region in bytes. mask: the device's DMA mask, which the last byte must be within.
    """
    if (size == 0) | (size > direct_end):
        return False
    if memory > direct_end - size:
        return False
    return base + memory + (size - 1) <= mask


def unmap_is_direct(handle: Word, direct_end: Word, base: Word) -> Any:
    """Whether a handle lies in the direct region."""
    if handle < base:
        return False
    return handle - base < direct_end
