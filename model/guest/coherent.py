# SPDX-License-Identifier: GPL-2.0-or-later
"""Coherent buffers. Linux: dma_alloc_attrs(), dma_direct_alloc(), iommu_alloc_coherent(), iommu_free_coherent()."""

from typing import TYPE_CHECKING

from model.guest.table import Table
from model.guest.windows import Device
from model.types import BusAddress, Direction, DmaMask, PhysAddr, Span
from model.words import Word, umax, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def alloc_coherent(kernel: "Kernel", device: int, memory: Span[PhysAddr], mask: DmaMask, cpu: int) -> BusAddress | None:
    """A handle of a buffer that the device reaches at both ends, reading and writing, or None. Linux: dma_alloc_attrs().

    memory: where the page allocator puts it. mask: the device's coherent mask, which may be less than its DMA mask.
    """
    # PARAMETERS
    dev = kernel.devices[device]
    buffer = kernel.whole_pages(memory)

    # CHECKS
    if memory.size == 0 or not kernel.port.allocate("coherent"):
        return None
    if kernel.coherent_goes_direct(device, buffer, mask):
        assert dev.window is not None
        kernel.reached("coherent: direct")
        return BusAddress(dev.window.base + buffer.start)

    # EFFECT, RETURN
    return kernel.coherent_through(dev, buffer, mask, cpu)


def whole_pages(kernel: "Kernel", memory: Span[PhysAddr]) -> Span[PhysAddr]:
    """The kernel's pages that a buffer takes. Linux: PAGE_ALIGN()."""
    page = 1 << kernel.page_shift
    return Span(memory.start, PhysAddr(memory.start + -(-memory.size // page) * page))


def coherent_goes_direct(kernel: "Kernel", device: int, buffer: Span[PhysAddr], mask: DmaMask) -> bool:
    """Whether the buffer is reached through the direct part, within the coherent mask. Linux: dma_coherent_ok()."""
    window = kernel.devices[device].window
    return window is not None and kernel.routes_directly(device, buffer) and window.base + buffer.stop - 1 <= mask


def coherent_through(
    kernel: "Kernel", dev: Device, buffer: Span[PhysAddr], mask: DmaMask, cpu: int
) -> BusAddress | None:
    """Map the buffer through the table that its mask reaches. Linux: dma_iommu_alloc_coherent()."""
    table = kernel.table_for(dev, mask)
    return None if table is None else kernel.map_coherent(table, buffer, mask, cpu)


def map_coherent(kernel: "Kernel", table: Table, buffer: Span[PhysAddr], mask: DmaMask, cpu: int) -> BusAddress | None:
    """Take entries at a multiple of the buffer's power of two, and set them. Linux: iommu_alloc_coherent()."""
    # PARAMETERS
    pages = kernel.pages_touched(word(buffer.start), word(buffer.size), word(table.page_shift))
    align = int(kernel.coherent_alignment(pages.number))

    # CHECKS
    entry = kernel.allocate_entries(table, int(pages.number), mask >> table.page_shift, align, cpu)

    # EFFECT, RETURN
    return None if entry is None else kernel.point_entries(table, entry, buffer, Direction.BIDIRECTIONAL, cpu)


def coherent_alignment(entries: Word) -> Word:
    """The smallest power of two entries that holds a buffer. Linux: get_iommu_order()."""
    return word(1) << (umax(entries, 1) - 1).fls()


def free_coherent(kernel: "Kernel", device: int, memory: Span[PhysAddr], handle: BusAddress, mask: DmaMask) -> None:
    """End a buffer's mapping by where its handle lies. Linux: dma_free_attrs(), iommu_free_coherent()."""
    size = kernel.whole_pages(memory).size
    kernel.unmap_page(device, Span(handle, BusAddress(handle + size)), Direction.BIDIRECTIONAL)
