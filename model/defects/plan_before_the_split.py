# SPDX-License-Identifier: GPL-2.0-or-later
"""Before ff5163bb7000 (6.11) a window was never split, and sizes were not rounded up to I/O pages either."""

from typing import Any

from model.defects import Defect
from model.guest import sizing
from model.guest.sizing import EMPTY, Region, WindowPlan, all_dynamic
from model.words import Word, word


def whole_windows(largest: Word, page_shift: Word, ram: Word, shared: Any) -> WindowPlan:
    """Linux 6.1, enable_ddw(): direct, or dynamic as soon as vPMEM has no other window."""
    if largest < ram:
        return all_dynamic(largest)
    part = Region(word(0), word(1) << ram)
    if shared:
        return WindowPlan(ram, EMPTY, part)
    return WindowPlan(ram, part, EMPTY)


DEFECT = Defect(
    id="plan-before-the-split",
    breaks="regions-inside-window",
    replaces=sizing.plan_window,
    by=whole_windows,
    releases=("6.1",),
    commits="381ceda88c4c",
    root_cause="As sizes-below-io-page: with 16 GiB pages and less RAM than one, create asks for less than one TCE.",
)
