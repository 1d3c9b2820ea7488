# SPDX-License-Identifier: GPL-2.0-or-later
"""Before ff5163bb7000 (6.11) a window was never split, and sizes were not rounded up to I/O pages either."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.defects.window_for_all_addresses import max_physmem_bits
from model.guest import enable
from model.guest.enable import Outcome, Refused
from model.guest.rtas import Offer
from model.guest.sizing import EMPTY, Region, WindowPlan
from model.guest.windows import Node
from model.types import DmaMask, PageShift
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

WORD = (1 << 64) - 1


def whole_windows(kernel: "Kernel", node: Node, offer: Offer, mask: DmaMask) -> tuple[PageShift, WindowPlan]:
    """Linux 6.1, enable_ddw(): direct, or dynamic as soon as vPMEM has no other window."""
    page_shift = PageShift(int(kernel.largest_page_shift(word(offer.pages))))
    if page_shift == 0:
        raise Refused(Outcome.NO_PAGE_SIZE)
    ram, every = int(kernel.ram_shift(word(kernel.hotplug_max()))), max_physmem_bits(kernel.page_shift)
    largest = offer.block << page_shift
    size = every if kernel.vpmem and largest >= 1 << every else ram
    if largest < 1 << size:
        size = max((largest & WORD) - 1, 0).bit_length()  # the product may wrap
        direct = False
    else:
        direct = not node.gave_up or size == every or not kernel.vpmem
    whole = Region(word(0), word(1) << min(size, 63))
    node.plan = WindowPlan(word(size), whole if direct else EMPTY, EMPTY if direct else whole)
    return page_shift, node.plan


DEFECT = Defect(
    id="plan-before-the-split",
    breaks="regions-inside-window",
    replaces=enable.plan_for,
    by=whole_windows,
    releases=("6.1",),
    commits="381ceda88c4c",
    root_cause="As sizes-below-io-page, window-rounds-up and window-for-all-addresses: with 16 GiB pages and less RAM than "
    "one, create asks for less than one TCE. (A shift count below zero is undefined in C.)",
)
