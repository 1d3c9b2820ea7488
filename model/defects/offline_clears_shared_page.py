# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking a RAM block offline clears an I/O page that the online block below still needs."""

from model.defects import RELEASES, Defect
from model.guest import io_pages
from model.guest.io_pages import IoPages
from model.words import Word


def whatever_lies_around(start: Word, stop: Word, before: Word, after: Word, page_shift: Word) -> IoPages:
    """Linux: tce_clearrange_multi_pSeriesLP() rounds the start down to an I/O page, and the number down, as setting does."""
    offset = start - ((start >> page_shift) << page_shift)
    return IoPages(start >> page_shift, (offset + (stop - start)) >> page_shift)


DEFECT = Defect(
    id="offline-clears-shared-page",
    breaks="direct-maps-only-ram",
    replaces=io_pages.pages_to_clear,
    by=whatever_lies_around,
    releases=RELEASES,
    commits="4e8b0cf46b25",
    root_cause="A block that begins inside an I/O page, and reaches its end, clears that page when it goes offline, without "
    "asking whether the RAM below it is online; one that ends inside an I/O page leaves that page mapped.",
)
