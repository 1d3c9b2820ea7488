# SPDX-License-Identifier: GPL-2.0-or-later
"""Masks, map and unmap. Linux: arch/powerpc/kernel/dma-iommu.c, iommu_map_page(), kernel/dma/mapping.c."""

from typing import TYPE_CHECKING

from model.guest.enable import Outcome
from model.guest.table import Table
from model.guest.windows import Device
from model.interfaces import MaskAnswer
from model.types import BusAddress, Direction, DmaMask, PhysAddr, Span
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

BITS_32 = DmaMask((1 << 32) - 1)


def set_dma_mask(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Open a window if the mask has more than 32 bits, and say whether DMA works. Linux: dma_iommu_dma_supported()."""
    # PARAMETERS
    dev = kernel.devices[device]

    # CHECKS
    if mask > BITS_32:
        outcome = kernel.enable_ddw(dev, mask)
        kernel.reached(f"enable: {outcome}")
        if outcome is Outcome.ALREADY:
            dev.window = dev.node.window
    table = kernel.table_for(dev, mask)
    direct = kernel.direct_within(dev, mask)
    if table is None and not direct:
        return MaskAnswer(False, False)

    # EFFECT
    dev.mask, dev.table = mask, table

    # RETURN
    everything = (*kernel.online, *kernel.vpmem)
    return MaskAnswer(True, direct and all(kernel.routes_directly(device, memory) for memory in everything))


def table_for(kernel: "Kernel", dev: Device, mask: DmaMask) -> Table | None:
    """The table to map through with that mask: the dynamic window's if the device reaches it, else the default's."""
    tables = (dev.node.tables.get("ddw"), dev.node.tables.get("default"))
    return next((t for t in tables if t is not None and t.span.start <= mask), None)


def direct_within(kernel: "Kernel", dev: Device, mask: DmaMask) -> bool:
    """Whether the device's window has a direct part that lies wholly within the mask."""
    window = dev.window
    return window is not None and window.direct_size > 0 and window.base + window.direct_size - 1 <= mask


def routes_directly(kernel: "Kernel", device: int, memory: Span[PhysAddr]) -> bool:
    """Whether memory is reached through the direct part. vPMEM never is, wherever it lies: it is not pre-mapped."""
    dev = kernel.devices[device]
    if dev.window is None or dev.window.direct_size == 0:
        return False
    if any(span.touches(memory) for span in kernel.vpmem):
        return False
    window = dev.window
    return bool(
        kernel.map_is_direct(
            word(memory.start), word(memory.size), word(window.direct_size), word(window.base), word(dev.mask)
        )
    )


def map_page(
    kernel: "Kernel", device: int, memory: Span[PhysAddr], direction: Direction, cpu: int
) -> BusAddress | None:
    """A handle through which the device reaches `memory`, or None. Linux: dma_map_page_attrs()."""
    # PARAMETERS
    dev = kernel.devices[device]

    # CHECKS
    if memory.size == 0:
        return None
    if kernel.routes_directly(device, memory):
        assert dev.window is not None
        return BusAddress(dev.window.base + memory.start)
    if dev.table is None:
        return None

    # EFFECT, RETURN
    return kernel.map_through(dev, dev.table, memory, direction, cpu)


def map_through(
    kernel: "Kernel", dev: Device, table: Table, memory: Span[PhysAddr], direction: Direction, cpu: int
) -> BusAddress | None:
    """Take entries and set their TCEs, all or none. Linux: iommu_map_page(), iommu_alloc()."""
    # PARAMETERS
    page_shift = table.page_shift
    pages = kernel.pages_touched(word(memory.start), word(memory.size), word(page_shift))
    kernel_page = 1 << kernel.page_shift
    whole = page_shift < kernel.page_shift and memory.size >= kernel_page and memory.start % kernel_page == 0
    align = 1 << (kernel.page_shift - page_shift) if whole else 1

    # CHECKS
    entry = kernel.allocate_entries(table, int(pages.number), dev.mask >> page_shift, align, cpu)
    if entry is None:
        return None

    # EFFECT
    ioba = table.address(entry)
    target = int(pages.first) << page_shift
    control = kernel.control_of(direction)
    status, done = kernel.set_entries(table.liobn, ioba, page_shift, target, int(pages.number), control, cpu)
    if not kernel.set_complete(status):
        kernel.release_entries(table, entry, int(pages.number), done)
        return None

    # RETURN
    return kernel.handle_of(ioba, memory.start, page_shift)


def handle_of(ioba: BusAddress, memory: int, page_shift: int) -> BusAddress:
    """The handle for memory whose I/O page is mapped at IOBA: the offset in the page is kept. Linux: iommu_map_page()."""
    return BusAddress(ioba + memory % (1 << page_shift))


def unmap_page(kernel: "Kernel", device: int, handle: Span[BusAddress], direction: Direction) -> None:
    """End a mapping, by where its handle lies. Linux: dma_unmap_page_attrs(), iommu_unmap_page()."""
    # PARAMETERS
    dev = kernel.devices[device]
    window = dev.window

    # CHECKS
    if window is not None and kernel.unmap_is_direct(word(handle.start), word(window.direct_size), word(window.base)):
        return
    table = kernel.table_of_handle(dev, handle)
    if table is None:
        return

    # EFFECT
    first = (handle.start >> table.page_shift) - table.offset
    pages = kernel.pages_touched(word(handle.start), word(handle.size), word(table.page_shift))
    kernel.release_entries(table, first, int(pages.number), int(pages.number))


def table_of_handle(kernel: "Kernel", dev: Device, handle: Span[BusAddress]) -> Table | None:
    """The table that the handle came from; not always the one the device uses now."""
    return next((t for t in dev.node.tables.values() if t.span.covers(handle)), None)


def release_entries(kernel: "Kernel", table: Table, first: int, count: int, programmed: int) -> None:
    """Clear the `programmed` first of `count` entries and free all that are clear. Linux: __iommu_free().

    An entry whose TCE the hypervisor refused to clear stays taken: the device still reaches what it points at.
    """
    left = kernel.clear_entries(table.liobn, table.address(first), table.page_shift, programmed)
    table.taken.free(first, count)
    for refused in left:
        table.taken.take(first + refused.start, refused.size)
