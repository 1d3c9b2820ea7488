# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes are not rounded up to I/O pages: a window may be smaller than one, and a split may lie inside one."""

from typing import Any

from model.defects import Defect
from model.guest import sizing
from model.guest.sizing import EMPTY, MIN_DYNAMIC_SHIFT, Region, WindowPlan, all_dynamic
from model.words import Word, word


def split_at_ram(largest: Word, page_shift: Word, ram: Word, shared: Any) -> WindowPlan:
    """Linux: dynamic_offset = 1 << max_ram_len in enable_ddw(), then win_addr >> page_shift in the table."""
    if largest < ram:
        return all_dynamic(largest)
    direct = word(1) << ram
    if not shared:
        return WindowPlan(ram, Region(word(0), direct), EMPTY)
    if largest >= 64:  # the shift is undefined in C; create refuses such a window in any case
        return WindowPlan(largest, EMPTY, Region(word(0), word(1)))
    window = word(1) << largest
    if window - direct < word(1) << MIN_DYNAMIC_SHIFT:
        return all_dynamic(largest)
    return WindowPlan(largest, Region(word(0), direct), Region(direct, window - direct))


DEFECT = Defect(
    id="sizes-below-io-page",
    breaks="regions-inside-window",
    replaces=sizing.plan_window,
    by=split_at_ram,
    releases=("6.12", "7.2", "7.3"),
    commits="ff5163bb7000",
    root_cause="With 16 GiB pages and a RAM maximum of 8 GiB, create asks for a window of half a TCE, which is refused; with "
    "vPMEM and a split, the first TCE of the dynamic table is the one that should pre-map RAM.",
)
