# SPDX-License-Identifier: GPL-2.0-or-later
"""A mapping of no bytes inside an I/O page takes that page."""

from model.defects import Defect
from model.guest import io_pages
from model.guest.io_pages import IoPages
from model.words import Word, word


def rounded_up(start: Word, size: Word, page_shift: Word) -> IoPages:
    """What lies between the ends, rounded to I/O pages."""
    first, end = start >> page_shift, (start + size + ((word(1) << page_shift) - 1)) >> page_shift
    return IoPages(first, end - first)


DEFECT = Defect(
    id="nothing-takes-a-page",
    breaks="unmap-releases",
    replaces=io_pages.pages_touched,
    by=rounded_up,
    root_cause="iommu_num_pages() answers 1 for no bytes inside an I/O page; only 0 pages are refused (F60).",
)
