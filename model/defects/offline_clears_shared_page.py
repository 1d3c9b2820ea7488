# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking a RAM block offline clears an I/O page that the online block below still needs."""

from model.defects import Defect
from model.guest import io_pages
from model.guest.io_pages import IoPages
from model.words import Word, word


def whatever_lies_below(start: Word, stop: Word, before: Word, after: Word, page_shift: Word) -> IoPages:
    """Linux: tce_clearrange_multi_pSeriesLP() rounds the start down to an I/O page, as setting does."""
    return io_pages.pages_to_clear(start, stop, word(0), after, page_shift)


DEFECT = Defect(
    id="offline-clears-shared-page",
    breaks="ram-covered",
    replaces=io_pages.pages_to_clear,
    by=whatever_lies_below,
    releases=("6.1", "6.12"),
    commits="4e8b0cf46b25",
    root_cause="A block that begins inside an I/O page clears that page when it goes offline, without asking whether the RAM "
    "below it is online. (Linux does so only if the block reaches the page's end, since it rounds the number down.)",
)
