# SPDX-License-Identifier: GPL-2.0-or-later
"""A block of TCEs that is no power of two is rounded up, so create asks for more than query offered."""

from model.defects import Defect
from model.guest import sizing
from model.words import Word, umin, word

WORD = (1 << 64) - 1


def rounded_up(block: Word, page_shift: Word, mask: Word) -> Word:
    """Linux: order_base_2(query.largest_available_block << page_shift) in enable_ddw()."""
    size = (block & (word(WORD) >> page_shift)) << page_shift  # what does not fit a word is lost
    if size <= 1:
        return word(0)
    return umin((size - 1).fls(), mask.fls())


DEFECT = Defect(
    id="window-rounds-up",
    breaks="regions-inside-window",
    replaces=sizing.largest_window_shift,
    by=rounded_up,
    releases=("6.12", "7.2", "7.3"),
    commits="381ceda88c4c",
    root_cause="order_base_2() rounds the largest block up to a power of two; a window of that size was not offered. (The "
    "product may also wrap.)",
)
