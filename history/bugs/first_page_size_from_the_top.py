# SPDX-License-Identifier: GPL-2.0-or-later
"""The I/O page is that of the highest bit of query's mask, which is not the largest."""

from dataclasses import replace

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import sizing
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB
from model.words import Word, select, word


def of_the_highest_bit(offered: Word) -> Word:
    """What a search for the first bit in iommu_get_page_shift() would do."""
    found = word(0)
    for bit, shift in enumerate(sizing.PAGE_SHIFT_OF_BIT):
        found = select((offered >> bit) & 1 == 1, word(shift), found)
    return found


BUG = Bug(
    title="(more I/O page sizes, of which 2 MiB is out of order)",
    date="2021-10",
    release="5.16",
    defect=Defect(
        id="first-page-size-from-the-top",
        breaks=None,
        replaces=sizing.largest_page_shift,
        by=of_the_highest_bit,
        commits="472724111f0f, fixed by 387273118714",
        root_cause="Bit 8 stands for 2 MiB, after the one of 16 GiB: the bits are not in the order of the sizes, so that a "
        "search for the first one does not find the largest.",
    ),
    trace=trace(replace(POWERVM_DEDICATED, pages=0x107), simple_lpar(GIB), OPENS),
)
