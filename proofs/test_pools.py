# SPDX-License-Identifier: GPL-2.0-or-later
"""How a TCE table is laid out, and which of its entries are reserved. Rules: `model.guest.pools`."""

from typing import Any

from model.guest.allocator import below_mask
from model.guest.coherent import coherent_alignment
from model.guest.pools import Pools, Reserved, mmio_entries, pool_layout
from model.guest.table import Table, reserved_entries
from model.types import BusAddress, Liobn, Span
from model.words import ceil_to, select, umax, umin, word
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

    @assumption
    def table_ends_on_the_bus(self) -> Any:
        """The table begins below 2^62, and has no more than 2^62 bytes."""
        return (self.base < 1 << 62) & (self.entries <= word(1 << 62) >> self.page_shift)

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


@obligation(supports="mappings-disjoint", about=pool_layout, mutant=size_rounded_up)
def every_entry_is_in_one_pool(c: TableCase) -> Claim:
    """Each entry lies in exactly one of the pools and the large one, so free() finds the pool that allocated."""
    pools, large = c.decide()
    entry = c.word("entry")
    count = select((entry >= large) & (entry < c.entries), word(1), 0)
    for k in range(4):
        start = pools.size * k
        inside = (pools.number > k) & (entry >= start) & (entry < start + pools.size)
        count = count + select(inside, word(1), 0)
    return c.claim(
        assume=[c.page_is_known, c.table_is_real],
        cover={"in a pool": entry < large, "in the large one": (entry >= large) & (entry < c.entries)},
        goal=count == select(entry < c.entries, word(1), 0),
    )


class Page0Case(Case):
    """Any table, any mask."""

    def declare(self) -> None:
        """Declare the I/O page of entry 0, the last one within the mask, and an entry."""
        self.offset, self.mask_page, self.entry = self.word("offset"), self.word("mask_page"), self.word("entry")

    @assumption
    def mask_has_a_page_above(self) -> Any:
        """An I/O page is larger than a byte."""
        return self.mask_page < 1 << 63

    @assumption
    def entry_is_real(self) -> Any:
        """The entry's I/O page is one of the bus."""
        return (self.offset < 1 << 62) & (self.entry < 1 << 62)


def as_unsigned(offset: Any, mask_page: Any) -> Any:
    """Wrong: as in Linux, a table above the mask has a limit that wraps."""
    return select(mask_page < offset, word(1 << 62), below_mask(offset, mask_page))


def mask_page_left_out(offset: Any, mask_page: Any) -> Any:
    """Wrong: the last I/O page that the device addresses is not used."""
    return below_mask(offset, umax(mask_page, 1) - 1)


@obligation(supports="handle-in-mask", about=below_mask, mutant=as_unsigned)
def an_entry_below_the_limit_is_within_the_mask(c: Page0Case) -> Claim:
    """The device addresses the I/O page of each entry that is searched."""
    found = c.entry < c.rule(c.offset, c.mask_page)
    return c.claim(
        assume=[c.mask_has_a_page_above, c.entry_is_real],
        cover={"the last": found & (c.offset + c.entry == c.mask_page), "out of reach": c.offset > c.mask_page},
        goal=implies(found, c.offset + c.entry <= c.mask_page),
    )


@obligation(supports="map-fails-clean", about=below_mask, mutant=mask_page_left_out)
def an_entry_within_the_mask_is_below_the_limit(c: Page0Case) -> Claim:
    """Each entry that the device addresses is searched."""
    reached = c.offset + c.entry <= c.mask_page
    return c.claim(
        assume=[c.mask_has_a_page_above, c.entry_is_real],
        cover={"the last": c.offset + c.entry == c.mask_page},
        goal=implies(reached, c.entry < c.rule(c.offset, c.mask_page)),
    )


class CoherentCase(Case):
    """Any coherent buffer."""

    def declare(self) -> None:
        """Declare its entries and a power of two."""
        self.entries, self.order = self.word("entries"), self.word("order")

    @assumption
    def buffer_is_real(self) -> Any:
        """The buffer fits the largest window there is."""
        return (self.entries > 0) & (self.entries <= MOST_ENTRIES)


def rounded_down(entries: Any) -> Any:
    """Wrong: the largest power of two within the buffer."""
    return word(1) << (entries.fls() - 1)


def one_order_more(entries: Any) -> Any:
    """Wrong: fls() of a power of two is one more than its order."""
    return word(1) << entries.fls()


@obligation(supports="handle-in-mask", about=coherent_alignment, mutant=rounded_down)
def a_coherent_buffer_lies_within_its_alignment(c: CoherentCase) -> Claim:
    """The alignment is a power of two that holds the buffer."""
    align = c.rule(c.entries)
    return c.claim(
        assume=[c.buffer_is_real],
        cover={"no power of two": c.entries == 3},
        goal=(align >= c.entries) & (align & (align - 1) == 0),
    )


@obligation(supports="map-fails-clean", about=coherent_alignment, mutant=one_order_more)
def no_smaller_alignment_holds_a_coherent_buffer(c: CoherentCase) -> Claim:
    """No smaller power of two holds the buffer, so it is not refused for want of room."""
    return c.claim(
        assume=[c.buffer_is_real],
        cover={"a power of two": c.rule(c.entries) == c.entries},
        goal=(c.rule(c.entries) >> 1 < c.entries),
    )


def page_0_is_handed_out(kernel: Any, table: Table, mmio32: Any) -> list[Span[int]]:
    """Wrong: a handle of 0 is as good as any."""
    return []


def first_entry_of_any_table(kernel: Any, table: Table, mmio32: Any) -> list[Span[int]]:
    """Wrong: reserves the first entry wherever the table begins."""
    return [Span(0, 1)]


@obligation(supports="handle-in-mask", about=reserved_entries, mutant=(page_0_is_handed_out, first_entry_of_any_table))
def page_0_of_the_bus_is_reserved_and_nothing_else_without_mmio(c: MmioCase) -> Claim:
    """Where nothing is forwarded to MMIO, an entry is reserved just if it translates page 0 of the bus."""
    span: Any = Span(c.base, c.base + (c.entries << c.page_shift))
    reserved = c.rule(None, Table(Liobn(1), span, c.page_shift, BusAddress(0)), None)
    entry = c.page - umin(c.page, c.first)
    found: Any = False
    for taken in reserved:
        found = found | ((entry >= taken.start) & (entry < taken.stop))
    return c.claim(
        assume=[c.page_is_known, c.table_ends_on_the_bus, c.page_is_of_the_table],
        cover={"page 0": c.page == 0, "the first entry of a later table": (entry == 0) & (c.first > 0)},
        goal=found == (c.page == 0),
    )
