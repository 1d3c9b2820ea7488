# SPDX-License-Identifier: GPL-2.0-or-later
"""The window and its two parts. Rule: `model.guest.sizing.plan_window`, and how `enable.plan_for` puts it to use."""

from typing import Any

from model.guest.sizing import (
    EMPTY,
    Region,
    WindowPlan,
    all_dynamic,
    plan_window,
)
from model.words import umax, umin, word
from proofs.case import Case, Claim, assumption, implies, negate, one_of
from proofs.facts import PAGE_SHIFTS, TWO_GIB
from proofs.obligation import obligation


class PlanCase(Case):
    """Any window that may be had, for any amount of RAM, with or without memory that only dynamic TCEs reach."""

    def declare(self) -> None:
        """Declare what plan_window() is told."""
        self.largest, self.page_shift = self.word("largest"), self.word("page_shift")
        self.ram, self.shared = self.word("ram"), self.flag("shared")

    @assumption
    def page_is_known(self) -> Any:
        """The I/O page is one that LoPAR knows."""
        return one_of(self.page_shift, PAGE_SHIFTS)

    @assumption
    def window_fits_a_word(self) -> Any:
        """The largest window has fewer than 2^64 bytes."""
        return self.largest < 64

    @assumption
    def window_has_a_page(self) -> Any:
        """The largest window has at least one I/O page; plan_for() gives up otherwise."""
        return self.largest >= self.page_shift

    def decide(self) -> Any:
        """The plan."""
        return self.rule(self.largest, self.page_shift, self.ram, self.shared)


def is_split(plan: Any) -> Any:
    """Whether a plan has both parts."""
    return (plan.direct.size > 0) & (plan.dynamic.size > 0)


def lies_in(byte: Any, region: Any) -> Any:
    """Whether a byte of the window lies in one of its parts."""
    return (byte >= region.start) & (byte < region.start + region.size)


def touches(region: Any, page: Any, page_shift: Any) -> Any:
    """Whether a part has a byte in that I/O page of the window."""
    if region.size == 0:
        return False
    last = region.start + (region.size - 1)
    return ((region.start >> page_shift) <= page) & (page <= (last >> page_shift))


def split_at_ram(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: as in Linux, the dynamic part begins right behind RAM, even inside an I/O page."""
    return plan_window(largest, word(0), ram, shared)


def begins_at_the_base(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: the dynamic part is the whole window, as it is where nothing is pre-mapped."""
    plan = plan_window(largest, page_shift, ram, shared)
    return WindowPlan(plan.shift, plan.direct, Region(word(0), word(1) << plan.shift))


def fits_anyway(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: a window for all RAM is asked for even if query's block is too small for it."""
    return plan_window(umax(largest, umin(umax(ram, page_shift), 63)), page_shift, ram, shared)


def behind_the_window(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: the dynamic part has the window's size, though it begins behind the direct part."""
    plan = plan_window(largest, page_shift, ram, shared)
    window = word(1) << umin(plan.shift, 62)
    return WindowPlan(plan.shift, plan.direct, Region(plan.dynamic.start, window))


def cut_to_the_window(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: RAM that does not fit is pre-mapped as far as the window reaches."""
    direct = word(1) << umin(umax(ram, page_shift), largest)
    return WindowPlan(umin(umax(ram, page_shift), largest), Region(word(0), direct), EMPTY)


def any_rest_will_do(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: a window is split however little is left behind RAM."""
    direct_shift = umax(ram, page_shift)
    if largest < direct_shift:
        return all_dynamic(largest)
    direct, window = word(1) << direct_shift, word(1) << largest
    if not shared:
        return WindowPlan(direct_shift, Region(word(0), direct), EMPTY)
    return WindowPlan(largest, Region(word(0), direct), Region(direct, window - direct))


def always_split(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: a window is split even if there is no memory that needs the dynamic part."""
    return plan_window(largest, page_shift, ram, True)


@obligation(supports="regions-disjoint", about=plan_window, mutant=split_at_ram)
def no_io_page_lies_in_both_parts(c: PlanCase) -> Claim:
    """No I/O page, and so no TCE, is touched by the direct and by the dynamic part."""
    plan, page = c.decide(), c.word("page")
    both = touches(plan.direct, page, c.page_shift) & touches(plan.dynamic, page, c.page_shift)
    return c.claim(
        assume=[c.page_is_known, c.window_fits_a_word],
        cover={
            "a split window": is_split(plan),
            "an I/O page larger than RAM": is_split(plan) & (c.page_shift > c.ram),
        },
        goal=negate(both),
    )


@obligation(supports="regions-disjoint", about=plan_window, mutant=begins_at_the_base)
def no_byte_lies_in_both_parts(c: PlanCase) -> Claim:
    """No byte of the window lies in the direct and in the dynamic part."""
    plan, byte = c.decide(), c.word("byte")
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"a split window": is_split(plan)},
        goal=negate(lies_in(byte, plan.direct) & lies_in(byte, plan.dynamic)),
    )


@obligation(supports="regions-inside-window", about=plan_window, mutant=fits_anyway)
def the_window_is_no_larger_than_possible(c: PlanCase) -> Claim:
    """The window to create is no larger than the largest there may be."""
    plan = c.decide()
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"RAM does not fit": c.ram > c.largest, "RAM fits": plan.direct.size > 0},
        goal=plan.shift <= c.largest,
    )


@obligation(supports="calls-well-formed", about=plan_window, mutant=split_at_ram)
def the_window_has_at_least_one_io_page(c: PlanCase) -> Claim:
    """The window to create is no smaller than its I/O page, so that create is asked for at least one TCE."""
    plan = c.decide()
    return c.claim(
        assume=[c.window_fits_a_word, c.window_has_a_page],
        cover={"an I/O page larger than RAM": c.page_shift > c.ram},
        goal=plan.shift >= c.page_shift,
    )


@obligation(supports="regions-inside-window", about=plan_window, mutant=behind_the_window)
def both_parts_lie_inside_the_window(c: PlanCase) -> Claim:
    """Neither part reaches beyond the window, and together they leave nothing of it out."""
    plan = c.decide()
    window = word(1) << plan.shift
    ends_inside = (plan.direct.start + plan.direct.size <= window) & (plan.dynamic.start + plan.dynamic.size <= window)
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"a split window": is_split(plan), "a direct window": plan.dynamic.size == 0},
        goal=ends_inside & (plan.direct.size + plan.dynamic.size == window),
    )


@obligation(supports="mapping-translates", about=plan_window, mutant=split_at_ram)
def both_parts_are_whole_io_pages(c: PlanCase) -> Claim:
    """Both parts begin and end at a border of I/O pages."""
    plan = c.decide()
    within = (word(1) << c.page_shift) - 1
    borders = (plan.direct.start | plan.direct.size | plan.dynamic.start | plan.dynamic.size) & within
    return c.claim(
        assume=[c.window_fits_a_word, c.window_has_a_page],
        cover={"a split window": is_split(plan)},
        goal=borders == 0,
    )


class MemoryCase(PlanCase):
    """A plan for the memory that a partition may ever have."""

    def declare(self) -> None:
        """Declare the highest address of memory that may ever be added, which takes the place of `ram`."""
        super().declare()
        self.hotplug_max = self.word("hotplug_max")

    def decide(self) -> Any:
        """The plan, as plan_for() comes by it."""
        return self.rule(self.largest, self.page_shift, self.kernel.ram_shift(self.hotplug_max), self.shared)


@obligation(supports="ram-covered", about=plan_window, mutant=cut_to_the_window)
def the_direct_part_holds_all_ram_or_is_empty(c: MemoryCase) -> Claim:
    """A direct part holds all memory that may ever be added."""
    plan = c.decide()
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"a direct part": plan.direct.size > 0, "none": plan.direct.size == 0},
        goal=(plan.direct.size == 0) | (plan.direct.size >= c.hotplug_max),
    )


class OfferCase(PlanCase):
    """A plan for what query offers, whatever the device's mask."""

    def declare(self) -> None:
        """Declare query's block and the mask, which lead to `largest`."""
        super().declare()
        self.block, self.mask = self.word("block"), self.word("mask")
        self.largest = self.kernel.largest_window_shift(self.block, self.page_shift, self.mask)


@obligation(supports="regions-inside-window", about=plan_window, mutant=fits_anyway)
def create_asks_for_no_more_tces_than_query_offers(c: OfferCase) -> Claim:
    """The window that create is asked for has no more TCEs than query offers, unless plan_for() gives up before."""
    plan = c.decide()
    asks, tces = c.largest >= c.page_shift, word(1) << plan.shift >> c.page_shift
    return c.claim(
        assume=[c.page_is_known],
        cover={"every TCE of the block is asked for": asks & (tces == c.block)},
        goal=implies(asks, tces <= c.block),
    )


@obligation(supports="regions-inside-window", about=plan_window, mutant=any_rest_will_do)
def a_window_is_split_only_if_2_gib_are_left(c: PlanCase) -> Claim:
    """The dynamic part of a split window has at least 2 GiB."""
    plan = c.decide()
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"just 2 GiB": is_split(plan) & (plan.dynamic.size == TWO_GIB)},
        goal=implies(is_split(plan), plan.dynamic.size >= TWO_GIB),
    )


@obligation(supports="limit-matches-split", about=plan_window, mutant=always_split)
def without_vpmem_ram_that_fits_has_the_window_to_itself(c: PlanCase) -> Claim:
    """Where no memory needs dynamic TCEs, RAM that fits gets a window without a dynamic part."""
    plan = c.decide()
    fits = (c.ram <= c.largest) & (c.page_shift <= c.largest)
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"RAM fits": fits & negate(c.shared)},
        goal=implies(fits & negate(c.shared), (plan.direct.size > 0) & (plan.dynamic.size == 0)),
    )


def only_an_exact_fit(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: RAM is pre-mapped only in a window of just its size."""
    if largest != umax(ram, page_shift):
        return all_dynamic(largest)
    return plan_window(largest, page_shift, ram, shared)


def half_is_enough(largest: Any, page_shift: Any, ram: Any, shared: Any) -> WindowPlan:
    """Wrong: a window for dynamic TCEs alone is half of what may be had."""
    plan = plan_window(largest, page_shift, ram, shared)
    if (plan.direct.size > 0) | (largest == 0):
        return plan
    return all_dynamic(largest - 1)


@obligation(supports="ram-covered", about=plan_window, mutant=only_an_exact_fit)
def a_larger_window_keeps_the_direct_part(c: PlanCase) -> Claim:
    """If a window has a direct part, a window twice as large has the same."""
    direct, twice = c.decide().direct, c.rule(umin(c.largest, 62) + 1, c.page_shift, c.ram, c.shared).direct
    larger = (c.largest < 63) & (direct.size > 0)
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"a direct part": larger},
        goal=implies(larger, (twice.start == direct.start) & (twice.size == direct.size)),
    )


@obligation(supports="regions-inside-window", about=plan_window, mutant=half_is_enough)
def a_window_without_direct_part_is_the_largest(c: PlanCase) -> Claim:
    """A window for dynamic TCEs alone is the largest there may be."""
    plan = c.decide()
    return c.claim(
        assume=[c.window_fits_a_word],
        cover={"no direct part": plan.direct.size == 0},
        goal=(plan.direct.size > 0) | (plan.shift == c.largest),
    )
