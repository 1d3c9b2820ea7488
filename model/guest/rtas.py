# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's RTAS calls. Linux: query_ddw(), create_ddw(), __remove_dma_window(), reset_dma_window()."""

from typing import TYPE_CHECKING, NamedTuple

from model.calls import RtasCall, RtasStatus
from model.guest.windows import Node
from model.types import BusAddress, Liobn

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

RESET_TOKEN, QUERY_OUTPUTS, LIMITED = 1, 2, 3
"""Cells of `ibm,ddw-extensions`. Linux: DDW_EXT_RESET_DMA_WIN, DDW_EXT_QUERY_OUT_SIZE, DDW_EXT_LIMITED_ADDR_MODE."""


def is_busy(status: RtasStatus) -> bool:
    """Whether to call again with the same arguments. Linux: rtas_busy_delay()."""
    return status is RtasStatus.BUSY or RtasStatus.DELAY_1MS <= status <= RtasStatus.DELAY_100S


class Offer(NamedTuple):
    """Query's answer: windows that may be created, the largest block in TCEs, and the page-size mask."""

    windows: int
    block: int
    pages: int


class Created(NamedTuple):
    """Create's answer."""

    liobn: Liobn
    base: BusAddress


def query_ddw(kernel: "Kernel", node: Node) -> Offer | None:
    """Ask what windows the PE may have; None on any error. Five or six outputs as index 2 of the extensions says."""
    assert node.applicable is not None
    wide = node.extension(QUERY_OUTPUTS) == 1
    answer = kernel.port.rtas(RtasCall(node.applicable[0], node.pe.cells, 6 if wide else 5))
    if answer.status is not RtasStatus.SUCCESS:
        return None
    if wide:
        windows, high, low, pages, _ = answer.outputs
        return Offer(windows, high << 32 | low, pages)
    windows, block, pages, _ = answer.outputs
    return Offer(windows, block, pages)


def create_ddw(kernel: "Kernel", node: Node, page_shift: int, window_shift: int) -> Created | None:
    """Create a window, again and again while firmware is busy; None on an error."""
    assert node.applicable is not None
    call = RtasCall(node.applicable[1], (*node.pe.cells, page_shift, window_shift), 4)
    answer = kernel.port.rtas(call)
    while is_busy(answer.status):
        answer = kernel.port.rtas(call)
    if answer.status is not RtasStatus.SUCCESS:
        return None
    liobn, high, low = answer.outputs
    return Created(Liobn(liobn), BusAddress(high << 32 | low))


def remove_window(kernel: "Kernel", node: Node, liobn: Liobn) -> bool:
    """Remove a window whose TCEs are all invalid."""
    assert node.applicable is not None
    return kernel.port.rtas(RtasCall(node.applicable[2], (liobn,), 1)).status is RtasStatus.SUCCESS


def reset_windows(kernel: "Kernel", node: Node, limited: bool = False) -> bool:
    """Bring the PE's windows back to what they were at boot, in limited-addressing mode if asked for.

    Firmware may say that it is busy (LoPAR table 133), so this asks until it has an answer.
    """
    token = node.extension(RESET_TOKEN)
    if token is None:
        return False
    call = RtasCall(token, (*node.pe.cells, 1) if limited else node.pe.cells, 1)
    answer = kernel.port.rtas(call)
    while is_busy(answer.status):
        answer = kernel.port.rtas(call)
    return answer.status is RtasStatus.SUCCESS
