# SPDX-License-Identifier: GPL-2.0-or-later
"""Map and unmap. Linux: arch/powerpc/kernel/dma-iommu.c, iommu_map_page()/iommu_map_phys(), kernel/dma/mapping.c."""

from typing import TYPE_CHECKING

from model.guest.allocator import SEGMENT_BOUNDARY
from model.guest.table import Table
from model.guest.windows import Device, DmaWindow
from model.locks import pool_lock
from model.types import BusAddress, Direction, DmaMask, PhysAddr, Span
from model.words import plain, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def table_for(kernel: "Kernel", dev: Device, mask: DmaMask) -> Table | None:
    """The table to map through with that mask: the dynamic window's if the device reaches it, else the default's."""
    tables = (dev.node.tables.get("ddw"), dev.node.tables.get("default"))
    return next((t for t in tables if t is not None and t.span.start <= mask), None)


def direct_within(kernel: "Kernel", dev: Device, mask: DmaMask) -> bool:
    """Whether the device's window has a direct part that lies wholly within the mask."""
    window = dev.window
    return window is not None and kernel.is_direct(window) and window.base + window.direct_size - 1 <= mask


def is_direct(kernel: "Kernel", window: DmaWindow) -> bool:
    """Whether a window that is there has a direct part. Linux: find_existing_ddw()."""
    return window.direct_size > 0


def routes_directly(kernel: "Kernel", device: int, memory: Span[PhysAddr]) -> bool:
    """Whether memory is reached through the direct part. vPMEM is not, wherever it lies, unless it is online as RAM."""
    dev = kernel.devices[device]
    if dev.window is None or dev.window.direct_size == 0:
        return False
    if any(span.touches(memory) and span not in kernel.online for span in kernel.vpmem):
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
    if kernel.routes_directly(device, memory):
        return kernel.direct_handle(dev, memory)
    if dev.table is None:
        return None

    # EFFECT, RETURN
    return kernel.map_through(dev, dev.table, memory, direction, cpu)


def direct_handle(dev: Device, memory: Span[PhysAddr]) -> BusAddress | None:
    """The handle of memory that is routed directly. Linux: dma_direct_map_page()/dma_direct_map_phys()."""
    return BusAddress(dev.offset + memory.start)


def map_through(
    kernel: "Kernel",
    dev: Device,
    table: Table,
    memory: Span[PhysAddr],
    direction: Direction,
    cpu: int,
    boundary: int = SEGMENT_BOUNDARY,
    after: int | None = None,
) -> BusAddress | None:
    """Take entries and set their TCEs, all or none. Linux: iommu_map_page()/iommu_map_phys(), ppc_iommu_map_sg().

    boundary, after: as for `allocate_entries`.
    """
    entry = kernel.take_entries(dev, table, memory, cpu, boundary, after)
    return None if entry is None else kernel.point_entries(table, entry, memory, direction, cpu)


def take_entries(
    kernel: "Kernel",
    dev: Device,
    table: Table,
    memory: Span[PhysAddr],
    cpu: int,
    boundary: int,
    after: int | None,
) -> int | None:
    """Entries for memory: whole kernel pages get them at a multiple of theirs. Linux: iommu_map_page()/iommu_map_phys()."""
    # PARAMETERS
    page_shift = table.page_shift
    pages = kernel.pages_touched(word(memory.start), word(memory.size), word(page_shift))
    kernel_page = 1 << kernel.page_shift
    whole = page_shift < kernel.page_shift and memory.size >= kernel_page and memory.start % kernel_page == 0
    align = 1 << (kernel.page_shift - page_shift) if whole else 1

    # EFFECT, RETURN
    return kernel.allocate_entries(table, plain(pages.number), dev.mask >> page_shift, align, cpu, boundary, after)


def point_entries(
    kernel: "Kernel", table: Table, entry: int, memory: Span[PhysAddr], direction: Direction, cpu: int
) -> BusAddress | None:
    """Point entries that were taken at memory; they are given back if that fails. Linux: iommu_alloc()."""
    # PARAMETERS
    page_shift = table.page_shift
    pages = kernel.pages_touched(word(memory.start), word(memory.size), word(page_shift))
    ioba = table.address(entry)

    # EFFECT
    target = plain(pages.first) << page_shift
    control = kernel.control_of(direction)
    status, done = kernel.set_entries(table.liobn, ioba, page_shift, target, plain(pages.number), control, cpu)
    if not kernel.set_complete(status):
        kernel.give_back(table, entry, plain(pages.number), done)
        return None

    # RETURN
    return kernel.handle_of(ioba, memory.start, page_shift)


def give_back(kernel: "Kernel", table: Table, first: int, count: int, done: int) -> None:
    """Undo a mapping of which only the first `done` TCEs were set. Linux: iommu_alloc()."""
    kernel.release_entries(table, first, count, done)


def handle_of(ioba: BusAddress, memory: int, page_shift: int) -> BusAddress:
    """The handle for memory whose I/O page is mapped at IOBA: the offset in the page is kept.

    Linux: iommu_map_page()/iommu_map_phys().
    """
    return BusAddress(ioba | memory & ((1 << page_shift) - 1))


def unmap_page(kernel: "Kernel", device: int, handle: Span[BusAddress], direction: Direction) -> None:
    """End a mapping, by where its handle lies. Linux: dma_unmap_page_attrs(), iommu_unmap_page()/iommu_unmap_phys()."""
    # PARAMETERS
    dev = kernel.devices[device]

    # CHECKS
    if kernel.ends_directly(dev, handle):
        return
    table = kernel.table_of_handle(dev, handle)
    if table is None:
        return

    # EFFECT
    kernel.release_handle(table, handle)


def release_handle(kernel: "Kernel", table: Table, handle: Span[BusAddress]) -> None:
    """Clear and free the entries that a handle lies in. Linux: __iommu_free(), called with a handle."""
    # PARAMETERS
    pages = kernel.pages_touched(word(handle.start), word(handle.size), word(table.page_shift))
    count = plain(pages.number)

    # EFFECT
    if count:
        kernel.release_entries(table, plain(pages.first) - table.offset, count, count)


def ends_directly(kernel: "Kernel", dev: Device, handle: Span[BusAddress]) -> bool:
    """Whether a handle took no TCE of its own. Linux: dma_unmap_page_attrs()."""
    window = dev.window
    return window is not None and bool(
        kernel.unmap_is_direct(word(handle.start), word(window.direct_size), word(window.base))
    )


def table_of_handle(kernel: "Kernel", dev: Device, handle: Span[BusAddress]) -> Table | None:
    """The table that the handle came from; not always the one the device uses now."""
    return next((t for t in dev.node.tables.values() if t.span.covers(handle)), None)


def release_entries(kernel: "Kernel", table: Table, first: int, count: int, programmed: int) -> None:
    """Clear the `programmed` first of `count` entries and free all that are clear. Linux: __iommu_free().

    An entry whose TCE the hypervisor refused to clear stays taken: the device still reaches what it points at.
    """
    left = kernel.clear_entries(table.liobn, table.address(first), table.page_shift, programmed)
    with kernel.port.locked(pool_lock(table.liobn)):
        table.taken.free(first, count)
        for refused in left:
            table.taken.take(first + refused.start, refused.size)
