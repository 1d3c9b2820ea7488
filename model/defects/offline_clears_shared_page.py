# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking a RAM block offline clears an I/O page that an online neighbour still needs."""

from model.defects import Defect
from model.guest import io_pages
from model.guest.io_pages import IoPages, pages_touched
from model.words import Word


def rounded_outwards(start: Word, stop: Word, before: Word, after: Word, page_shift: Word) -> IoPages:
    """Linux: tce_clearrange_multi_pSeriesLP() rounds both ends outwards, as setting does."""
    return pages_touched(start, stop - start, page_shift)


DEFECT = Defect(
    id="offline-clears-shared-page",
    breaks="ram-covered",
    replaces=io_pages.pages_to_clear,
    by=rounded_outwards,
    releases=("6.1", "6.12"),
    commits="4e8b0cf46b25",
    root_cause="The range to clear is rounded out to I/O pages without asking whether the neighbours are online.",
)
