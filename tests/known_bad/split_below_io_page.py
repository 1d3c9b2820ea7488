# SPDX-License-Identifier: GPL-2.0-or-later
"""The dynamic part starts at the RAM maximum even inside an I/O page, so both parts own that page's TCE."""

from typing import Any

from model.defects import Defect
from model.guest import sizing
from model.guest.sizing import Region, WindowPlan
from model.words import Word, word


def split_at_ram(largest: Word, page_shift: Word, ram: Word, shared: Any) -> WindowPlan:
    """The split of Linux 6.12's enable_ddw() alone: dynamic_offset = 1 << max_ram_len."""
    plan = sizing.plan_window(largest, page_shift, ram, shared)
    if plan.direct.size == 0 or plan.dynamic.size == 0:
        return plan
    direct = word(1) << ram
    return WindowPlan(plan.shift, Region(word(0), plan.direct.size), Region(direct, (word(1) << largest) - direct))


DEFECT = Defect(
    id="split-below-io-page",
    breaks="regions-disjoint",
    replaces=sizing.plan_window,
    by=split_at_ram,
    root_cause="The split point is not rounded to an I/O page.",
)
