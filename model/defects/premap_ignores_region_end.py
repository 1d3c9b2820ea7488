# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that goes online above the direct part is pre-mapped all the same. Fixed by 6aa989ab2bd0 (6.15)."""

from model.defects import Defect
from model.guest import io_pages
from model.words import Word


def no_clip(start: Word, stop: Word, limit: Word) -> tuple[Word, Word]:
    """Linux before the fix: iommu_mem_notifier() maps any range that goes online."""
    return start, stop


DEFECT = Defect(
    id="premap-ignores-region-end",
    breaks="no-write-outside",
    replaces=io_pages.clip,
    by=no_clip,
    releases=("6.1",),
    commits="4e8b0cf46b25, fixed by 6aa989ab2bd0",
    root_cause="The notifier does not compare the range with the part of the window that is for RAM; vPMEM onlined as "
    "system RAM, or RAM beyond the maximum known at boot, lands in the dynamic part or outside the window.",
)
