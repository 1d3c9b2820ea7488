# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a new window goes, and what names it. Pure decisions: run on ints, proved on bit-vectors.

Ranges of bus addresses are given by their first and last byte: a window may end with the last byte of the bus.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from model.words import LIMIT, Word, select, word

LAST_ADDRESS = LIMIT - 1
"""The last byte of the bus."""
LIOBNS_PER_PE = 1 << 16
"""How far apart the default LIOBNs of PEs are."""


class Taken(NamedTuple):
    """The bus addresses of a window, both included."""

    first: Word
    last: Word


def fits_block(page_shift: Word, window_shift: Word, block: Word) -> Any:
    """Whether a window has no more TCEs than the largest block, which query reports. LoPAR 7.3.27.1."""
    return (word(1) << (window_shift - page_shift)) <= block


def first_fit(lowest: Word, size: Word, step: Word, taken: Iterable[Taken]) -> Word | None:
    """The lowest multiple of `step` from `lowest` on at which a window is clear of all others; None if there is none.

    size, step: powers of two. taken: the others in order. R1-5.1-3.
    """
    base = lowest if lowest == 0 else behind(lowest - 1, step)
    for other in taken:
        if base is None:
            return None
        base = clear_of(base, size, step, other)
    return base if base is not None and fits_bus(base, size) else None


def clear_of(base: Word, size: Word, step: Word, other: Taken) -> Word | None:
    """`base` if a window there is clear of another, else the first step behind that; None where there is none."""
    if not fits_bus(base, size):
        return None
    if (base + (size - 1) < other.first) | (other.last < base):
        return base
    return behind(other.last, step)


def behind(last: Word, step: Word) -> Word | None:
    """The first multiple of a power of two behind an address; None where there is none."""
    before = last | (step - 1)
    return None if before == LAST_ADDRESS else before + 1


def fits_bus(base: Word, size: Word) -> Any:
    """Whether a window of that size at `base` ends on the bus."""
    return base <= LAST_ADDRESS - (size - 1)


def liobn_after(last: Word, first: Word) -> Word:
    """The next LIOBN for a created window; `first` and what is a multiple of LIOBNS_PER_PE above it are default windows'."""
    return last + select((last + 1 - first) & (LIOBNS_PER_PE - 1) == 0, 2, 1)
