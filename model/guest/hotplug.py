# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that comes and goes. Linux: iommu_mem_notifier()."""

from typing import TYPE_CHECKING

from model.guest.windows import DmaWindow
from model.locks import LIST_LOCK
from model.types import BusAddress, PhysAddr, Span
from model.words import plain, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

NOTHING_ABOVE = (1 << 64) - 1


def memory_going_online(kernel: "Kernel", block: Span[PhysAddr]) -> bool:
    """Pre-map a block in every direct window before anyone can use it. Linux: MEM_GOING_ONLINE."""
    kernel.highest = max(kernel.highest, block.stop)
    with kernel.port.locked(LIST_LOCK):
        return all([kernel.premap(window, block) for window in kernel.direct_windows()])


def memory_online(kernel: "Kernel", block: Span[PhysAddr]) -> None:
    """The block is in use."""
    kernel.online = sorted([*kernel.online, block])


def memory_cancel_online(kernel: "Kernel", block: Span[PhysAddr]) -> None:
    """Take back what going online mapped. Linux: MEM_CANCEL_ONLINE."""
    with kernel.port.locked(LIST_LOCK):
        for window in kernel.direct_windows():
            kernel.unmap_block(window, block)


def memory_offline(kernel: "Kernel", block: Span[PhysAddr]) -> bool:
    """The block is out of use: unmap it in every direct window. Linux: MEM_OFFLINE."""
    kernel.online = [other for other in kernel.online if other != block]
    with kernel.port.locked(LIST_LOCK):
        return all([kernel.unmap_block(window, block) for window in kernel.direct_windows()])


def direct_windows(kernel: "Kernel") -> list[DmaWindow]:
    """The windows that hold pre-mapped RAM. Linux: dma_win::direct."""
    return [window for window in kernel.windows if window.direct_size]


def unmap_block(kernel: "Kernel", window: DmaWindow, block: Span[PhysAddr]) -> bool:
    """Clear the I/O pages that only this block needs. Linux: tce_clearrange_multi_pSeriesLP()."""
    # PARAMETERS
    start, stop = kernel.direct_part(window, block)
    before, after = kernel.neighbours(block)

    # CHECKS
    if start == stop:
        return True

    # EFFECT
    pages = kernel.pages_to_clear(start, stop, word(before), word(after), word(window.page_shift))
    ioba = BusAddress(window.base + (plain(pages.first) << window.page_shift))
    left = kernel.clear_range(window.liobn, ioba, window.page_shift, plain(pages.number))

    # RETURN
    return not left


def neighbours(kernel: "Kernel", block: Span[PhysAddr]) -> tuple[int, int]:
    """Where the nearest other RAM below a block ends, and where the nearest above begins."""
    others = [other for other in kernel.online if other != block]
    before = max((other.stop for other in others if other.stop <= block.start), default=0)
    after = min((other.start for other in others if other.start >= block.stop), default=NOTHING_ABOVE)
    return before, after


def vpmem_added(kernel: "Kernel", span: Span[PhysAddr]) -> None:
    """An `ibm,pmemory` node appears; it is mapped when a driver asks for it."""
    kernel.vpmem = sorted([*kernel.vpmem, span])
    kernel.highest = max(kernel.highest, span.stop)


def vpmem_removed(kernel: "Kernel", span: Span[PhysAddr]) -> None:
    """An `ibm,pmemory` node disappears."""
    kernel.vpmem = [other for other in kernel.vpmem if other != span]
