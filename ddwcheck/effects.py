# SPDX-License-Identifier: GPL-2.0-or-later
"""What it means for a system when an invariant is broken: what a device reads or writes wrongly, or what is lost."""

from model.invariants.registry import GUEST_CRASH

EFFECTS = {
    "calls-well-formed": "Firmware may refuse the call, or do with it what no one has specified.",
    "window-empty-at-removal": "Firmware may refuse the removal, or cut off DMA that is in flight.",
    "no-dead-liobn": "Each later map or unmap of the device fails, or hits a window that got the same LIOBN since.",
    "no-write-outside": "TCEs of live mappings are overwritten or cleared: the device reads and writes the wrong memory.",
    "enable-fails-clean": "After a failure that is meant to be harmless the device has no usable DMA, or uses bus addresses "
    "that nothing maps.",
    "masks-do-no-harm": "A driver that asks for a mask changes what another one, or the same, can reach.",
    "detach-leaves-nothing": "Something of the slot stays, and who has it next inherits it: a new device, user space that is "
    "given the PE, or the host that has it back.",
    "map-fails-clean": "The driver and the TCEs disagree: DMA to the handle faults, or entries are lost for ever.",
    "route-agrees": "The mapping never ends: the device keeps access to memory that the driver has back, and the entries of "
    "the table are used up.",
    "handle-in-mask": "The device cannot form the handle, or it hits something else on the bus.",
    "mapping-translates": "The device reads or writes memory that nobody gave it, or its DMA faults.",
    "mappings-disjoint": "Two buffers share a bus address: one of them is read or written in place of the other.",
    "unmap-releases": "The device keeps access to memory that the driver has back, and the entry is lost.",
    "bitmap-matches-tces": "The allocator hands out a bus address that still reaches other memory, or never does so again.",
    "regions-disjoint": "A dynamic mapping replaces a TCE of pre-mapped RAM.",
    "regions-inside-window": "Firmware refuses the window, or handles lie where no TCE translates them.",
    "ram-covered": "DMA to that RAM faults although the kernel routes it there.",
    "direct-maps-only-ram": "The device reaches memory that is not online: it may belong to someone else by then.",
    "limit-matches-split": "Memory is routed to bus addresses that nothing maps, and DMA to it faults.",
    "kexec-keeps-running": "A device that still runs loses its TCEs, or the kdump kernel has no window to write the dump.",
    GUEST_CRASH: "The system goes down, or a warning is printed and state is lost.",
}
"""By invariant."""
