# SPDX-License-Identifier: GPL-2.0-or-later
"""Masks, as drivers set and ask for them. Linux: dma_iommu_dma_supported(), dma_iommu_get_required_mask()."""

from typing import TYPE_CHECKING

from model.guest.table import Table
from model.guest.windows import Device
from model.interfaces import MaskAnswer
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

BITS_32 = DmaMask((1 << 32) - 1)


def set_dma_mask(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Open a window if the mask has more than 32 bits, and say whether DMA works. Linux: dma_iommu_dma_supported()."""
    # PARAMETERS
    dev = kernel.devices[device]

    # CHECKS
    direct = kernel.opens_direct(dev, mask)
    kernel.limit_direct(dev, direct)
    table = kernel.table_for(dev, mask)
    if table is None and not direct:
        return MaskAnswer(False, False)

    # EFFECT
    kernel.use_mask(dev, mask, table, direct)

    # RETURN
    everything = (*kernel.online, *kernel.vpmem)
    bypass = bool(everything) and all(kernel.routes_directly(device, memory) for memory in everything)
    return MaskAnswer(True, bypass)


def wants_window(mask: DmaMask) -> bool:
    """Whether a mask is worth a window above 4 GiB. Linux: iommu_bypass_supported_pSeriesLP()."""
    return mask > BITS_32


def opens_direct(kernel: "Kernel", dev: Device, mask: DmaMask) -> bool:
    """Open a window if there is none; whether the device now has one with a direct part that it reaches."""
    if kernel.wants_window(mask):
        outcome = kernel.enable_ddw(dev, mask)
        kernel.reached(f"enable: {outcome}")
        dev.window = dev.node.window
    return kernel.direct_within(dev, mask)


def limit_direct(kernel: "Kernel", dev: Device, direct: bool) -> None:
    """Note where the direct part ends; the reference asks the window itself. Linux: device::bus_dma_limit."""
    window = dev.window
    dev.limit = window.base + window.direct_size if window is not None and window.direct_size else 0


def use_mask(dev: Device, mask: DmaMask, table: Table | None, direct: bool) -> None:
    """The mask is accepted. Linux: dma_iommu_dma_supported(), dma_set_mask()."""
    dev.mask, dev.table = mask, table


def set_coherent_mask(kernel: "Kernel", device: int, mask: DmaMask) -> bool:
    """Whether a coherent buffer may be had within that mask, by the windows that there are. Linux: dma_set_coherent_mask().

    It opens none: that could take the default window from what the device does with its DMA mask.
    """
    # PARAMETERS
    dev = kernel.devices[device]

    # CHECKS
    if kernel.table_for(dev, mask) is None and not kernel.direct_within(dev, mask):
        return False

    # EFFECT
    dev.coherent_mask = mask

    # RETURN
    return True


def required_mask(kernel: "Kernel", device: int) -> DmaMask:
    """The smallest run of low one bits that reaches the device's direct part and the table it uses; 0 if it has neither.

    Asking opens no window. Linux: dma_iommu_get_required_mask().
    """
    # PARAMETERS
    dev = kernel.devices[device]

    # RETURN
    ends = [dev.window.base + dev.window.direct_size] if dev.window is not None and dev.window.direct_size else []
    ends += [dev.table.span.stop] if dev.table is not None else []
    return DmaMask((1 << (max(ends) - 1).bit_length()) - 1) if ends else DmaMask(0)
