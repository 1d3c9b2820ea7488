# SPDX-License-Identifier: GPL-2.0-or-later
"""With vPMEM a window that reaches every physical address is all direct, but only RAM is pre-mapped."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.windows import Node
from model.words import Word, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def max_physmem_bits(page_shift: int) -> int:
    """log2 of the highest physical address; the kernel's page decides. Linux: MAX_PHYSMEM_BITS."""
    return 51 if page_shift == 16 else 46


def every_address(kernel: "Kernel", node: Node, largest: Word) -> tuple[Word, bool]:
    """Linux: enable_ddw() from "The "ibm,pmemory" can appear anywhere"."""
    every = max_physmem_bits(kernel.page_shift)
    if kernel.vpmem and largest >= every:
        return word(every), False
    return enable.direct_goal(kernel, node, largest)


DEFECT = Defect(
    id="window-for-all-addresses",
    breaks=None,
    replaces=enable.direct_goal,
    by=every_address,
    releases=("6.12", "7.2", "7.3"),
    root_cause="The window could hold vPMEM, and up to 6.12 nothing then limits what is routed directly, yet "
    "tce_setrange_multi_pSeriesLP() is called for system RAM alone. From 7.2 on the device has no table for "
    "vPMEM if it gave up its default window. Harmless where vPMEM never goes direct.",
)
