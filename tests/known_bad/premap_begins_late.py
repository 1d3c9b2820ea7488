# SPDX-License-Identifier: GPL-2.0-or-later
"""RAM that begins inside an I/O page is mapped from the next one on."""

from model.defects import Defect
from model.guest import io_pages
from model.guest.io_pages import IoPages
from model.words import Word, select


def whole_pages_from(start: Word, stop: Word, page_shift: Word) -> IoPages:
    """The I/O pages that begin in [start, stop), up to the one that it ends in."""
    pages = io_pages.pages_to_set(start, stop, page_shift)
    late = (pages.first << page_shift) < start
    return IoPages(select(late, pages.first + 1, pages.first), select(late, pages.number - 1, pages.number))


DEFECT = Defect(
    id="premap-begins-late",
    breaks="ram-covered",
    replaces=io_pages.pages_to_set,
    by=whole_pages_from,
    root_cause="tce_setrange_multi_pSeriesLP() that rounds the start up as it once rounded the end down (F2).",
)
