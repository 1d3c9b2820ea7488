# SPDX-License-Identifier: GPL-2.0-or-later
"""How a TCE table is laid out, and which of its entries are reserved. Rules: `model.guest.pools`."""

from typing import Any

from model.guest.pools import Pools, Reserved, mmio_entries, pool_layout
from model.words import ceil_to, select, umin, word
from proofs.case import Case, Claim, assumption, implies, one_of
from proofs.facts import PAGE_SHIFTS
from proofs.obligation import obligation

MOST_ENTRIES = 1 << 51
"""Entries of a window of 2^63 bytes in 4K I/O pages."""


class TableCase(Case):
    """Any TCE table."""

    def declare(self) -> None:
        """Declare the table's number of entries and its I/O page."""
        self.entries, self.page_shift = self.word("entries"), self.word("page_shift")

    @assumption
    def page_is_known(self) -> Any:
        """The I/O page is one that LoPAR knows."""
        return one_of(self.page_shift, PAGE_SHIFTS)

    @assumption
    def table_is_real(self) -> Any:
        """The table has no more entries than the largest window in the smallest I/O pages."""
        return self.entries <= MOST_ENTRIES

    def decide(self) -> Any:
        """The layout, and where the large pool begins."""
        pools = self.rule(self.entries, self.page_shift)
        return pools, pools.size << log2(pools.number)


def log2(number: Any) -> Any:
    """The order of a power of two, so that the solver need not multiply."""
    return number.fls() - 1


def size_rounded_up(entries: Any, page_shift: Any) -> Pools:
    """Wrong: the pools reach beyond the table."""
    pools = pool_layout(entries, page_shift)
    shift = log2(pools.number)
    return Pools(pools.number, ceil_to(entries, shift) >> shift)


def no_large_pool(entries: Any, page_shift: Any) -> Pools:
    """Wrong: the pools share the whole table."""
    pools = pool_layout(entries, page_shift)
    return Pools(pools.number, entries >> log2(pools.number))


def never_pooled(entries: Any, page_shift: Any) -> Pools:
    """Wrong: one pool, as for a table below 1 GiB."""
    return Pools(word(1), (entries * 3) >> 2)


@obligation(supports="mappings-disjoint", about=pool_layout, mutant=size_rounded_up)
def the_pools_lie_inside_the_table(c: TableCase) -> Claim:
    """The pools, one behind the other, end within the table, so that no entry is another table's."""
    pools, large = c.decide()
    return c.claim(
        assume=[c.page_is_known, c.table_is_real],
        cover={"four pools": pools.number == 4, "one pool": pools.number == 1},
        goal=large <= c.entries,
    )


@obligation(supports="map-fails-clean", about=pool_layout, mutant=no_large_pool)
def large_mappings_have_a_quarter_of_the_table(c: TableCase) -> Claim:
    """The large pool has at least a quarter of the entries, rounded down."""
    _, large = c.decide()
    return c.claim(
        assume=[c.page_is_known, c.table_is_real],
        cover={"a table of one entry": c.entries == 1},
        goal=large + (c.entries >> 2) <= c.entries,
    )


@obligation(supports="map-fails-clean", about=pool_layout, mutant=never_pooled)
def a_table_is_pooled_from_1_gib_on(c: TableCase) -> Claim:
    """A table has four pools if it spans 1 GiB or more, and one if it spans less."""
    pools, _ = c.decide()
    bytes_ = umin(c.entries, 1 << 29) << c.page_shift  # enough entries to tell, whatever the I/O page
    return c.claim(
        assume=[c.page_is_known, c.table_is_real],
        cover={"just 1 GiB": bytes_ == 1 << 30, "a page of 16 GiB": (c.page_shift == 34) & (c.entries == 1)},
        goal=pools.number == select(bytes_ >= 1 << 30, word(4), 1),
    )


class MmioCase(Case):
    """Any TCE table, any range of MMIO, and any I/O page of the table."""

    def declare(self) -> None:
        """Declare the table by bus address, entries and I/O page; the MMIO range; an I/O page by its number on the bus."""
        self.base, self.entries, self.page_shift = self.word("base"), self.word("entries"), self.word("page_shift")
        self.mmio_start, self.mmio_stop = self.word("mmio_start"), self.word("mmio_stop")
        self.page = self.word("page")
        self.first = self.base >> self.page_shift

    @assumption
    def page_is_known(self) -> Any:
        """The I/O page is one that LoPAR knows."""
        return one_of(self.page_shift, PAGE_SHIFTS)

    @assumption
    def table_is_real(self) -> Any:
        """The table has no more entries than the largest window in the smallest I/O pages."""
        return self.entries <= MOST_ENTRIES

    @assumption
    def page_is_of_the_table(self) -> Any:
        """The I/O page is one that the table has an entry for."""
        return (self.first <= self.page) & (self.page < self.first + self.entries)

    def decide(self) -> Any:
        """The entries that are reserved."""
        return self.rule(self.base, self.entries, self.page_shift, self.mmio_start, self.mmio_stop)

    def is_reserved(self, reserved: Any) -> Any:
        """Whether the I/O page's entry is reserved."""
        return (self.first + reserved.start <= self.page) & (self.page < self.first + reserved.stop)


def end_is_exclusive(base: Any, entries: Any, page_shift: Any, mmio_start: Any, mmio_stop: Any) -> Reserved:
    """Wrong: as in Linux, the I/O page of the last byte is left out."""
    last = select(mmio_stop == 0, 0, mmio_stop - select(mmio_stop == 0, 0, 1))
    return mmio_entries(base, entries, page_shift, mmio_start, (last >> page_shift) << page_shift)


def start_rounded_up(base: Any, entries: Any, page_shift: Any, mmio_start: Any, mmio_stop: Any) -> Reserved:
    """Wrong: the I/O page of the first byte is left out unless MMIO begins it."""
    return mmio_entries(base, entries, page_shift, ceil_to(umin(mmio_start, mmio_stop), page_shift), mmio_stop)


def one_page_more(base: Any, entries: Any, page_shift: Any, mmio_start: Any, mmio_stop: Any) -> Reserved:
    """Wrong: takes the end for a byte of the range."""
    return mmio_entries(base, entries, page_shift, mmio_start, mmio_stop + 1)


def not_cut_to_the_table(base: Any, entries: Any, page_shift: Any, mmio_start: Any, mmio_stop: Any) -> Reserved:
    """Wrong: reserves what lies behind the table's end."""
    return mmio_entries(base, word(1 << 52), page_shift, mmio_start, mmio_stop)


@obligation(supports="handle-in-mask", about=mmio_entries, mutant=(end_is_exclusive, start_rounded_up))
def an_entry_that_touches_mmio_is_reserved(c: MmioCase) -> Claim:
    """No entry can be handed out whose I/O page has a byte that the PHB forwards to MMIO."""
    reserved, byte = c.decide(), c.word("byte")
    touches = (c.mmio_start <= byte) & (byte < c.mmio_stop) & (byte >> c.page_shift == c.page)
    return c.claim(
        assume=[c.page_is_known, c.table_is_real, c.page_is_of_the_table],
        cover={"an I/O page larger than the MMIO": touches & (c.page_shift == 34)},
        goal=implies(touches, c.is_reserved(reserved)),
    )


@obligation(supports="bitmap-matches-tces", about=mmio_entries, mutant=one_page_more)
def an_entry_that_does_not_touch_mmio_is_not_reserved(c: MmioCase) -> Claim:
    """Every entry that is reserved has a byte of MMIO in its I/O page."""
    reserved = c.decide()
    assume = [c.page_is_known, c.table_is_real]
    if not c.is_reserved(reserved):
        return c.claim(assume=assume, cover={"MMIO elsewhere": c.mmio_start < c.mmio_stop}, goal=True)
    start = c.page << c.page_shift
    last = start | ((word(1) << c.page_shift) - 1)
    return c.claim(
        assume=assume,
        cover={"the last entry": c.page + 1 == c.first + c.entries},
        goal=(start < c.mmio_stop) & (c.mmio_start <= last),
    )


@obligation(supports="bitmap-matches-tces", about=mmio_entries, mutant=not_cut_to_the_table)
def reserved_entries_are_entries_of_the_table(c: MmioCase) -> Claim:
    """What is reserved lies inside the table, and does not end before it starts."""
    reserved = c.decide()
    return c.claim(
        assume=[c.page_is_known, c.table_is_real],
        cover={"all of the table": (reserved.start == 0) & (reserved.stop == c.entries) & (c.entries > 1)},
        goal=(reserved.start <= reserved.stop) & (reserved.stop <= c.entries),
    )
