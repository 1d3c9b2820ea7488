# SPDX-License-Identifier: GPL-2.0-or-later
"""The number of TCEs to pre-map is rounded down: the last, partly used I/O page of a RAM range stays unmapped."""

from model.defects import RELEASES, Defect
from model.guest import io_pages
from model.guest.io_pages import IoPages
from model.words import Word


def whole_pages(start: Word, stop: Word, page_shift: Word) -> IoPages:
    """Linux: num_tce |= tce_size - 1; num_tce >>= tce_shift in tce_setrange_multi_pSeriesLP(): the low bits are lost."""
    offset = start - ((start >> page_shift) << page_shift)
    return IoPages(start >> page_shift, (offset + (stop - start)) >> page_shift)


DEFECT = Defect(
    id="premap-rounds-down",
    breaks="ram-covered",
    replaces=io_pages.pages_to_set,
    by=whole_pages,
    releases=RELEASES,
    commits="4e8b0cf46b25",
    root_cause="Or-ing in the low bits before the shift does not round up. RAM of 1 GiB and 16 MiB in 256 MiB pages gets "
    "four TCEs, and 8 GiB in 16 GiB pages none, yet all of it is routed directly.",
)
