# SPDX-License-Identifier: GPL-2.0-or-later
"""How large a window to ask for, and how to share it. Pure decisions: run on ints, proved on bit-vectors.

Linux: enable_ddw(), iommu_get_page_shift() in arch/powerpc/platforms/pseries/iommu.c.
"""

from typing import Any, NamedTuple

from model.words import Word, select, umax, umin, word

PAGE_SHIFT_OF_BIT = (12, 16, 24, 25, 26, 27, 28, 34, 21)
"""I/O page shift for each bit of query's page mask. Linux: iommu_get_page_shift(); 2M is out of order."""

MIN_DYNAMIC_SHIFT = 31
"""log2 of the least dynamic part that makes a split worth it, 2 GiB. Linux: MIN_DDW_VPMEM_DMA_WINDOW."""


class Region(NamedTuple):
    """Part of a window: `size` bytes from `start`, counted from the window's base."""

    start: Word
    size: Word


EMPTY = Region(Word(0), Word(0))


class WindowPlan(NamedTuple):
    """The window to create, 2^shift bytes, and its two parts; one of them may be empty."""

    shift: Word
    direct: Region
    dynamic: Region


def largest_page_shift(offered: Word) -> Word:
    """log2 of the largest I/O page in query's mask, 0 if none is known. Linux: iommu_get_page_shift()."""
    best = word(0)
    for bit, shift in enumerate(PAGE_SHIFT_OF_BIT):
        best = select((offered >> bit) & 1 == 1, umax(best, shift), best)
    return best


def largest_window_shift(block: Word, page_shift: Word, mask: Word) -> Word:
    """log2 of the largest window that query offers and the device can address; 0 if none. Linux: enable_ddw(), ddw_sz.

    block: largest block in TCEs; need not be a power of two, so it is rounded down. mask: the device's DMA mask.
    """
    if block == 0:
        return word(0)
    return umin(umin(block.fls() - 1 + page_shift, 63), mask.fls())


def is_enough(largest: Word, page_shift: Word) -> Any:
    """Whether a window of 2^largest bytes holds a TCE."""
    return largest >= page_shift


def ram_shift(hotplug_max: Word) -> Word:
    """log2 of the smallest power of two that holds all RAM there may ever be. Linux: order_base_2(), max_ram_len."""
    if hotplug_max <= 1:
        return word(0)
    return (hotplug_max - 1).fls()


def plan_window(largest: Word, page_shift: Word, ram: Word, shared: Any) -> WindowPlan:
    """What window to create and how to share it. Linux: enable_ddw(), from "check if the available block".

    largest: log2 of the largest window possible. ram: log2 of the direct part that all RAM needs. shared: there is
    memory that only dynamic TCEs can reach (vPMEM) and no other window to map it in.
    """
    direct_shift = umax(ram, page_shift)  # a part never ends inside an I/O page
    if largest < direct_shift:
        return all_dynamic(largest)
    direct = word(1) << direct_shift
    if not shared:
        return WindowPlan(direct_shift, Region(word(0), direct), EMPTY)
    window = word(1) << largest
    if window - direct < word(1) << umax(word(MIN_DYNAMIC_SHIFT), page_shift):
        return all_dynamic(largest)
    return WindowPlan(largest, Region(word(0), direct), Region(direct, window - direct))


def all_dynamic(largest: Word) -> WindowPlan:
    """The whole of the largest window for dynamic TCEs: RAM does not fit, or fits but leaves too little."""
    return WindowPlan(largest, EMPTY, Region(word(0), word(1) << largest))
