# SPDX-License-Identifier: GPL-2.0-or-later
"""When a wrong rule is wrong: for some defects, exactly on which inputs, proved for all of them. Reports quote it.

Each is a theorem about the wrong rule, which the right one must refute; tests/test_conditions.py proves them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from model.defects import (
    merge_ignores_boundary,
    mmio_end_is_exclusive,
    offline_clears_shared_page,
    premap_ignores_region_end,
    premap_rounds_down,
    sizes_below_io_page,
    unmap_by_offset_alone,
    window_rounds_up,
)
from model.guest import io_pages, pools, routing, scatterlist, sizing
from model.types import Span
from model.words import Word, umin, word
from proofs.case import Case, Claim, assumption, implies, negate, one_of
from proofs.facts import HALF_OF_THE_BUS, LAST_ADDRESS, MOST_MEMORY, MOST_MEMORY_SHIFT, PAGE_SHIFTS
from proofs.prover import Rule


class Condition(NamedTuple):
    """text: to go behind "it fails". body: the theorem, of cases that run `wrong`; `right` must refute it."""

    text: str
    body: Callable[[Any], Claim]
    cases: tuple[type[Case], ...]
    wrong: Rule
    right: Rule


def for_each_page(case: type[Case]) -> tuple[type[Case], ...]:
    """The case with each of the I/O pages that LoPAR knows."""
    return tuple(type(f"{case.__name__}{shift}", (case,), {"page_shift": word(shift)}) for shift in PAGE_SHIFTS)


class RamRange(Case):
    """A range of RAM that is not empty."""

    page_shift: Word

    def declare(self) -> None:
        """Declare the range and a byte."""
        self.start, self.size, self.byte = self.word("start"), self.word("size"), self.word("byte")

    @assumption
    def memory_is_real(self) -> Any:
        """The range lies within 2 PiB and is not empty."""
        return (self.start <= MOST_MEMORY) & (self.size <= MOST_MEMORY) & (self.size > 0)


def a_byte_is_left_out_if_the_range_ends_inside_a_page(c: RamRange) -> Claim:
    """A byte of the range lies in no page that is set only if the range ends inside an I/O page; its last byte then does."""
    stop = c.start + c.size
    pages = c.rule(c.start, stop, c.page_shift)
    ends_inside = ((stop >> c.page_shift) << c.page_shift) != stop

    def left_out(byte: Any) -> Any:
        page = byte >> c.page_shift
        return (page < pages.first) | (page >= pages.first + pages.number)

    of_range = (c.start <= c.byte) & (c.byte < stop)
    return c.claim(
        assume=[c.memory_is_real],
        cover={"a range that ends inside a page": ends_inside, "one that does not": negate(ends_inside)},
        goal=implies(of_range & left_out(c.byte), ends_inside) & implies(ends_inside, left_out(stop - 1)),
    )


class AnyHandle(Case):
    """A handle within a window, with or without a direct part."""

    def declare(self) -> None:
        """Declare the handle and the window."""
        self.handle, self.direct_end, self.base = self.word("handle"), self.word("direct_end"), self.word("base")

    @assumption
    def window_is_on_the_bus(self) -> Any:
        """The window begins below 2^63, and its direct part, if it has one, is no larger than that."""
        return (self.base < HALF_OF_THE_BUS) & (self.direct_end <= HALF_OF_THE_BUS)


def a_handle_is_lost_if_it_lies_above_the_direct_part(c: AnyHandle) -> Claim:
    """The answer is not that of the right rule if and only if there is a direct part and the handle lies above it."""
    said = c.rule(c.handle, c.direct_end, c.base)
    is_direct = (c.handle >= c.base) & (c.handle < c.base + c.direct_end)
    above = (c.direct_end > 0) & (c.handle >= c.base + c.direct_end)
    differs = (said & negate(is_direct)) | (negate(said) & is_direct)
    return c.claim(
        assume=[c.window_is_on_the_bus],
        cover={"a handle above": above, "a direct one": is_direct},
        goal=implies(differs, above) & implies(above, differs),
    )


class MmioInTable(Case):
    """Any table and any 32-bit MMIO."""

    page_shift: Word

    def declare(self) -> None:
        """Declare the table and the MMIO range."""
        self.base, self.entries = self.word("base"), self.word("entries")
        self.mmio_start, self.mmio_stop = self.word("mmio_start"), self.word("mmio_stop")

    @assumption
    def table_is_on_the_bus(self) -> Any:
        """The table begins below 2^63 and has entries for no more than that."""
        return (self.base < HALF_OF_THE_BUS) & (self.entries <= word(HALF_OF_THE_BUS) >> self.page_shift)

    @assumption
    def mmio_is_below_4_gib(self) -> Any:
        """MMIO is a range below 4 GiB that is not empty."""
        return (self.mmio_start < self.mmio_stop) & (self.mmio_stop <= 1 << 32)


def the_last_page_is_handed_out_if_the_table_has_it(c: MmioInTable) -> Claim:
    """The last I/O page of MMIO is not reserved if and only if it is one of the table's."""
    reserved = c.rule(c.base, c.entries, c.page_shift, c.mmio_start, c.mmio_stop)
    first, last = c.base >> c.page_shift, (c.mmio_stop - 1) >> c.page_shift
    in_table = (last >= first) & (last < first + c.entries)
    kept = (last >= first + reserved.start) & (last < first + reserved.stop)
    return c.claim(
        assume=[c.table_is_on_the_bus, c.mmio_is_below_4_gib],
        cover={"a table with MMIO": in_table, "one without": negate(in_table)},
        goal=implies(in_table, negate(kept)),
    )


class AnyOffer(Case):
    """Any block that query offers and any mask of low one bits."""

    page_shift: Word

    def declare(self) -> None:
        """Declare the largest block, in TCEs, and the mask."""
        self.block, self.mask = self.word("block"), self.word("mask")

    @assumption
    def product_fits(self) -> Any:
        """The block has a TCE, and its size in bytes fits 64 bits."""
        return (self.block > 0) & (self.block <= word(LAST_ADDRESS) >> self.page_shift)

    @assumption
    def mask_is_a_run(self) -> Any:
        """The mask is a run of low one bits."""
        return ((self.mask & (self.mask >> 1)) == self.mask >> 1) & (self.mask & 1 == 1)


def a_window_is_larger_than_offered_if_the_block_is_no_power_of_two(c: AnyOffer) -> Claim:
    """The largest window is larger than the block if and only if the block's size is no power of two, within the mask."""
    size, largest = c.block << c.page_shift, c.rule(c.block, c.page_shift, c.mask)
    larger = (largest >= 64) | ((word(1) << umin(largest, 63)) > size)
    odd = ((size & (size - 1)) != 0) & (c.mask >= size)
    return c.claim(
        assume=[c.product_fits, c.mask_is_a_run],
        cover={"an odd block": odd, "a power of two": negate(odd)},
        goal=implies(larger, odd) & implies(odd, larger),
    )


class AnyPlan(Case):
    """Any RAM, any largest window, any I/O page."""

    def declare(self) -> None:
        """Declare log2 of the I/O page, the largest window and what RAM needs, and whether there is memory beside RAM."""
        self.page_shift = self.word("page_shift")
        self.largest, self.ram, self.shared = self.word("largest"), self.word("ram"), self.word("shared") > 0

    @assumption
    def sizes_are_real(self) -> Any:
        """The window is smaller than the bus, RAM is within 2 PiB, the I/O page is one that LoPAR knows."""
        return (self.largest < 64) & (self.ram <= MOST_MEMORY_SHIFT) & one_of(self.page_shift, PAGE_SHIFTS)


def the_direct_part_ends_inside_a_page_if_ram_is_smaller(c: AnyPlan) -> Claim:
    """A direct part ends inside an I/O page if and only if all RAM, rounded up to a power of two, is less than one."""
    plan = c.rule(c.largest, c.page_shift, c.ram, c.shared)
    size, page = plan.direct.size, word(1) << c.page_shift
    ends_inside, small = (size & (page - 1)) != 0, (size > 0) & (c.ram < c.page_shift)
    return c.claim(
        assume=[c.sizes_are_real],
        cover={"RAM below a page": small, "more": (size > 0) & negate(small)},
        goal=implies(ends_inside, small) & implies(small, ends_inside),
    )


class GoingOffline(Case):
    """A RAM block, where the nearest online RAM below it ends and that above it begins, and any I/O page."""

    page_shift: Word

    def declare(self) -> None:
        """Declare the block, its neighbours, and an I/O page."""
        self.start, self.stop, self.page = self.word("start"), self.word("stop"), self.word("page")
        self.before, self.after = self.word("before"), self.word("after")

    @assumption
    def block_is_real(self) -> Any:
        """The block is not empty and lies within 2 PiB, between its neighbours."""
        return (
            (self.before <= self.start)
            & (self.start < self.stop)
            & (self.stop <= self.after)
            & (self.stop <= MOST_MEMORY)
        )


def pages_go_wrong_if_the_block_begins_or_ends_inside_one(c: GoingOffline) -> Claim:
    """A page that other RAM needs is cleared, or one that none needs is not, if and only if the block shares its first page
    with RAM below and reaches its end, or ends inside a page that it shares with none.
    """
    pages = c.rule(c.start, c.stop, c.before, c.after, c.page_shift)
    first, last = c.start >> c.page_shift, (c.stop - 1) >> c.page_shift
    below, above = c.before > first << c.page_shift, (c.after >> c.page_shift) <= last

    def wrong(page: Any) -> Any:
        cleared = (page >= pages.first) & (page < pages.first + pages.number)
        needed = ((page == first) & below) | ((page == last) & above)
        return (cleared & needed) | ((page >= first) & (page <= last) & negate(needed) & negate(cleared))

    clears = below & (c.stop >= (first + 1) << c.page_shift)
    ends_inside = (c.stop >> c.page_shift) << c.page_shift != c.stop
    leaves = ends_inside & negate(above) & negate((first == last) & below)
    return c.claim(
        assume=[c.block_is_real],
        cover={"a shared page": clears, "an own page": leaves, "neither": negate(clears | leaves)},
        goal=implies(wrong(c.page), clears | leaves) & implies(clears, wrong(first)) & implies(leaves, wrong(last)),
    )


class TwoSegments(Case):
    """Two segments that lie side by side, as one range, and any byte."""

    def declare(self) -> None:
        """Declare the range, the device's boundary and a byte."""
        self.start, self.stop, self.byte = self.word("start"), self.word("stop"), self.word("byte")
        self.boundary = self.word("boundary")

    @assumption
    def range_is_real(self) -> Any:
        """The range has a byte."""
        return self.start < self.stop

    @assumption
    def boundary_is_a_run(self) -> Any:
        """The boundary is a run of low one bits below 2^63."""
        return (self.boundary < HALF_OF_THE_BUS) & (self.boundary & (umin(self.boundary, HALF_OF_THE_BUS) + 1) == 0)


def one_segment_crosses_if_a_boundary_lies_between(c: TwoSegments) -> Claim:
    """The two become one with a boundary in it if and only if they reach from one side of a boundary to the other."""
    merged, last = c.rule(Span(c.start, c.stop), c.boundary), c.stop - 1
    reaches = c.start | c.boundary < last

    def crosses(byte: Any) -> Any:
        return (c.start < byte) & (byte < c.stop) & (byte & c.boundary == 0)

    return c.claim(
        assume=[c.range_is_real, c.boundary_is_a_run],
        cover={"across": reaches, "within": negate(reaches)},
        goal=implies(crosses(c.byte) & merged, reaches)
        & implies(reaches, crosses(last - (last & c.boundary)) & merged),
    )


class GoingOnline(Case):
    """A range of RAM, and where the part of the window that is for RAM ends."""

    def declare(self) -> None:
        """Declare the range and the end."""
        self.start, self.stop, self.limit = self.word("start"), self.word("stop"), self.word("limit")

    @assumption
    def range_is_real(self) -> Any:
        """The range is not empty."""
        return self.start < self.stop


def a_range_goes_beyond_the_part_if_it_ends_beyond(c: GoingOnline) -> Claim:
    """What is mapped goes beyond the part that is for RAM if and only if the range does."""
    start, stop = c.rule(c.start, c.stop, c.limit)
    beyond, ends_beyond = (start < stop) & (stop > c.limit), c.stop > c.limit
    return c.claim(
        assume=[c.range_is_real],
        cover={"beyond": ends_beyond, "within": negate(ends_beyond)},
        goal=implies(beyond, ends_beyond) & implies(ends_beyond, beyond),
    )


CONDITIONS = {
    premap_rounds_down.DEFECT.id: Condition(
        "whenever a range of RAM ends inside an I/O page, and only then",
        a_byte_is_left_out_if_the_range_ends_inside_a_page, for_each_page(RamRange),
        premap_rounds_down.whole_pages, io_pages.pages_to_set,
    ),
    unmap_by_offset_alone.DEFECT.id: Condition(
        "whenever the window has a direct part and the handle lies above it, and only then",
        a_handle_is_lost_if_it_lies_above_the_direct_part, (AnyHandle,),
        unmap_by_offset_alone.at_or_above_offset, routing.unmap_is_direct,
    ),
    mmio_end_is_exclusive.DEFECT.id: Condition(
        "whenever the table has the last I/O page of 32-bit MMIO",
        the_last_page_is_handed_out_if_the_table_has_it, for_each_page(MmioInTable),
        mmio_end_is_exclusive.without_last_page, pools.mmio_entries,
    ),
    window_rounds_up.DEFECT.id: Condition(
        "whenever the largest window is asked for, the mask reaches it, and the largest block times the I/O page fits 64 "
        "bits and is no power of two",
        a_window_is_larger_than_offered_if_the_block_is_no_power_of_two, for_each_page(AnyOffer),
        window_rounds_up.rounded_up, sizing.largest_window_shift,
    ),
    sizes_below_io_page.DEFECT.id: Condition(
        "whenever RAM is to be mapped directly, and all of it, rounded up to a power of two, is less than an I/O page, and "
        "only then",
        the_direct_part_ends_inside_a_page_if_ram_is_smaller, (AnyPlan,),
        sizes_below_io_page.split_at_ram, sizing.plan_window,
    ),
    offline_clears_shared_page.DEFECT.id: Condition(
        "whenever the block shares its first I/O page with online RAM below and reaches the end of that page, or ends inside "
        "an I/O page that it shares with none, and only then",
        pages_go_wrong_if_the_block_begins_or_ends_inside_one, for_each_page(GoingOffline),
        offline_clears_shared_page.whatever_lies_around, io_pages.pages_to_clear,
    ),
    merge_ignores_boundary.DEFECT.id: Condition(
        "whenever a multiple of the device's segment boundary lies between the first and the last byte of the two, and only "
        "then",
        one_segment_crosses_if_a_boundary_lies_between, (TwoSegments,),
        merge_ignores_boundary.not_looked_at, scatterlist.merge_keeps_boundary,
    ),
    premap_ignores_region_end.DEFECT.id: Condition(
        "whenever memory goes online that ends beyond the part of the window that is for RAM, and only then",
        a_range_goes_beyond_the_part_if_it_ends_beyond, (GoingOnline,),
        premap_ignores_region_end.no_clip, io_pages.clip,
    ),
}  # fmt: skip
"""By the id of the defect."""


def condition_of(defects: list[str]) -> str:
    """The general condition under which a finding with these defects behind it fails, "" where no proof gives one.

    One of several defects may not be all that it takes, so that it is named.
    """
    found = {name: CONDITIONS[name].text for name in defects if name in CONDITIONS}
    if not found:
        return ""
    told = (
        next(iter(found.values()))
        if len(defects) == 1
        else "; ".join(f"as far as {name} is behind it, {text}" for name, text in found.items())
    )
    return f"{told}: proved of the rule for all inputs"
