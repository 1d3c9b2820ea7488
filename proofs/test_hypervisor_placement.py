# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the hypervisor puts new windows, and what it calls them. Rules: `model.hypervisor.placement`."""

from types import SimpleNamespace
from typing import Any

from model.hypervisor.create import new_liobn
from model.hypervisor.placement import Taken, behind, clear_of, first_fit, fits_block, liobn_after
from model.profiles import Choices, LiobnOf
from model.words import select, umin, word
from proofs.case import Case, Claim, assumption, implies, negate
from proofs.facts import LAST_ADDRESS
from proofs.obligation import Scope, obligation

PE_BITS = 16
"""log2 of how far apart the default LIOBNs of PEs are."""


def last_of(base: Any, size: Any) -> Any:
    """The last byte of a window; that of the bus where it would reach beyond."""
    return base + umin(size - 1, LAST_ADDRESS - base)


def clear(base: Any, size: Any, other: Taken) -> Any:
    """Whether no byte of a window is another's."""
    return (base > other.last) | (last_of(base, size) < other.first)


def fits(base: Any, size: Any) -> Any:
    """Whether a window ends on the bus."""
    return base <= LAST_ADDRESS - (size - 1)


class StepCase(Case):
    """One step of the walk over the windows that there are: any place for the new one, any window, any earlier one."""

    def declare(self) -> None:
        """Declare the place, the new window's size, what its base is a multiple of, and two windows."""
        self.base, self.size, self.step = self.word("base"), self.word("size"), self.word("step")
        self.earlier = Taken(self.word("earlier_first"), self.word("earlier_last"))
        self.other = Taken(self.word("first"), self.word("last"))

    @assumption
    def sizes_are_sizes(self) -> Any:
        """The new window has a byte, and its base is a multiple of something."""
        return (self.size > 0) & (self.step > 0)

    @assumption
    def walk_is_in_order(self) -> Any:
        """An earlier window begins no later than this one."""
        return self.earlier.first <= self.other.first

    @assumption
    def clear_so_far(self) -> Any:
        """The place lies on the bus, and is clear of any window earlier in the walk."""
        return fits(self.base, self.size) & clear(self.base, self.size, self.earlier)

    def decide(self) -> Any:
        """Where to go on from this window; None where there is no place."""
        return self.rule(self.base, self.size, self.step, self.other)


def never_moves(base: Any, size: Any, step: Any, other: Taken) -> Any:
    """Wrong: the place is kept whatever lies there."""
    return base


def only_the_base_is_looked_at(base: Any, size: Any, step: Any, other: Taken) -> Any:
    """Wrong: a place is clear if its first byte is."""
    if (base < other.first) | (other.last < base):
        return base
    return clear_of(base, size, step, other)


def behind_in_any_case(base: Any, size: Any, step: Any, other: Taken) -> Any:
    """Wrong: moves behind a window that was in nobody's way, where it may meet one that is not looked at again."""
    return behind(other.last, step)


def last_byte_is_free(base: Any, size: Any, step: Any, other: Taken) -> Any:
    """Wrong: takes the last byte of the other window for the first one behind it."""
    if clear(base, size, other):
        return base
    return behind(other.last - umin(other.last, 1), step)


@obligation(
    supports="mappings-disjoint",
    about=clear_of,
    mutant=(never_moves, only_the_base_is_looked_at, last_byte_is_free, behind_in_any_case),
)
def a_place_stays_clear_of_every_window_walked_past(c: StepCase) -> Claim:
    """After each step of the walk over any number of windows of a PHB, the place is clear of this one and of all before."""
    place = c.decide()
    assume = [c.sizes_are_sizes, c.walk_is_in_order, c.clear_so_far]
    if place is None:
        return c.claim(assume=assume, cover={"the bus is full": True}, goal=True)
    apart = clear(place, c.size, c.other) & clear(place, c.size, c.earlier)
    return c.claim(
        assume=assume,
        cover={"moved behind": place > c.base, "clear already": place == c.base},
        goal=negate(fits(place, c.size)) | apart,  # the next step gives up a place that does not fit
    )


class AlignedCase(Case):
    """Any address, any power of two, and any other place."""

    def declare(self) -> None:
        """Declare the address, the order of the power of two, and another place."""
        self.address, self.order, self.place = self.word("address"), self.word("order"), self.word("place")
        self.step = word(1) << umin(self.order, 63)

    def is_multiple(self, place: Any) -> Any:
        """Whether a place is a multiple of the power of two."""
        return place & (self.step - 1) == 0


def one_step_more(last: Any, step: Any) -> Any:
    """Wrong: leaves a step between."""
    place = behind(last, step)
    return None if place is None else behind(place, step)


def rounded_down(last: Any, step: Any) -> Any:
    """Wrong: the multiple before the address."""
    return last - (last & (step - 1))


@obligation(supports="regions-inside-window", about=behind, mutant=(one_step_more, rounded_down))
def the_next_step_is_the_first_one(c: AlignedCase) -> Claim:
    """What is behind an address is a multiple of the power of two, and there is none between; without one, there is none."""
    found = c.rule(c.address, c.step)
    wanted = (c.address < c.place) & c.is_multiple(c.place)
    if found is None:
        return c.claim(assume=[], cover={"no step is left": c.step > 1}, goal=negate(wanted))
    return c.claim(
        assume=[],
        cover={"right behind it": found - umin(found, 1) == c.address, "later": found - umin(found, 1) > c.address},
        goal=(found > c.address) & c.is_multiple(found) & implies(wanted, found <= c.place),
    )


class FitCase(Case):
    """Any new window of 1 GiB at a multiple of 64 KB, below a PHB with two windows, one of them perhaps of another PE."""

    def declare(self) -> None:
        """Declare the lowest address and the windows that are there."""
        self.lowest, self.size, self.step = self.word("lowest"), word(1 << 30), word(1 << 16)
        self.one, self.two = Taken(self.word("a"), self.word("b")), Taken(self.word("c"), self.word("d"))

    @assumption
    def windows_are_in_order(self) -> Any:
        """The windows have a byte each, and do not overlap."""
        return (self.one.first <= self.one.last) & (self.one.last < self.two.first) & (self.two.first <= self.two.last)

    def decide(self) -> Any:
        """Where the new window goes."""
        return self.rule(self.lowest, self.size, self.step, (self.one, self.two))


def below_the_lowest(lowest: Any, size: Any, step: Any, taken: Any) -> Any:
    """Wrong: rounds the lowest address down."""
    return first_fit(lowest - (lowest & (step - 1)), size, step, taken)


def backwards(lowest: Any, size: Any, step: Any, taken: Any) -> Any:
    """Wrong: walks over the windows from the last one on."""
    return first_fit(lowest, size, step, tuple(reversed(taken)))


def end_is_not_looked_at(lowest: Any, size: Any, step: Any, taken: Any) -> Any:
    """Wrong: a window may end beyond the bus."""
    base = lowest if lowest == 0 else behind(lowest - 1, step)
    for other in taken:
        if base is not None and other.first <= base <= other.last:
            base = behind(other.last, step)
    return base


@obligation(
    supports="mappings-disjoint", about=first_fit, mutant=(backwards, end_is_not_looked_at), scope=Scope.BOUNDED
)
def a_new_window_is_clear_of_two_others(c: FitCase) -> Claim:
    """A new window lies on the bus, and shares no byte with the windows below its PHB (bounded: two of them)."""
    base, assume = c.decide(), [c.windows_are_in_order]
    if base is None:
        return c.claim(assume=assume, cover={"no room": True}, goal=True)
    apart = clear(base, c.size, c.one) & clear(base, c.size, c.two)
    return c.claim(
        assume=assume,
        cover={"behind both": base > c.two.last, "between them": (base > c.one.last) & (base < c.two.first)},
        goal=fits(base, c.size) & apart,
    )


@obligation(supports="regions-inside-window", about=first_fit, mutant=below_the_lowest, scope=Scope.BOUNDED)
def a_new_window_begins_at_a_step_from_the_lowest_on(c: FitCase) -> Claim:
    """A new window begins at a multiple of what its platform demands, no lower than that allows (bounded: as before)."""
    base = c.decide()
    if base is None:
        return c.claim(assume=[], cover={"no room": True}, goal=True)
    return c.claim(
        assume=[],
        cover={"moved": base > c.lowest},
        goal=(base >= c.lowest) & (base & (c.step - 1) == 0),
    )


class BlockCase(Case):
    """Any window that create may be asked for, and any block that query reports."""

    def declare(self) -> None:
        """Declare the I/O page, the window and the block in TCEs."""
        self.page_shift, self.window_shift, self.block = self.word("page"), self.word("window"), self.word("block")

    @assumption
    def window_is_one(self) -> Any:
        """It has found the window no smaller than its I/O page, and smaller than 2^64 bytes."""
        return (self.page_shift <= self.window_shift) & (self.window_shift < 64)


def bytes_for_tces(page_shift: Any, window_shift: Any, block: Any) -> Any:
    """Wrong: compares the window's bytes with a number of TCEs."""
    return (word(1) << window_shift) <= block


def one_tce_more(page_shift: Any, window_shift: Any, block: Any) -> Any:
    """Wrong: a window may have a TCE more than the block."""
    return (word(1) << (window_shift - page_shift)) <= umin(block, LAST_ADDRESS - 1) + 1


@obligation(supports="regions-inside-window", about=fits_block, mutant=(bytes_for_tces, one_tce_more))
def a_window_is_created_just_if_its_tces_fit_the_block(c: BlockCase) -> Claim:
    """A window passes for the block exactly if the block has a TCE for each of its I/O pages."""
    last_page = ((word(1) << c.window_shift) - 1) >> c.page_shift
    return c.claim(
        assume=[c.window_is_one],
        cover={"all of the block": last_page + 1 == c.block, "one TCE too many": last_page == c.block},
        goal=c.rule(c.page_shift, c.window_shift, c.block) == (last_page < c.block),
    )


class LiobnCase(Case):
    """Any number of windows created so far, and the default window of any PE."""

    def declare(self) -> None:
        """Declare the LIOBN given out last, that of the first PE's default window, and a PE by number."""
        self.last, self.first, self.pe = self.word("last"), self.word("first"), self.word("pe")

    @assumption
    def liobns_are_cells(self) -> Any:
        """LIOBNs are 32 bits, the first PE's the lowest, and so many that no more than all are given out."""
        return (self.first < 1 << 32) & (self.pe < 1 << PE_BITS) & (self.last >= self.first) & (self.last < 1 << 33)

    @property
    def default(self) -> Any:
        """LIOBN of the PE's default window."""
        return self.first + (self.pe << PE_BITS)


def defaults_are_not_looked_at(last: Any, first: Any) -> Any:
    """Wrong: the next number, though it may be the default LIOBN of a PE."""
    return last + 1


def kept_below_the_second_pe(last: Any, first: Any) -> Any:
    """Wrong: begins anew where the next PE's LIOBNs do."""
    return select((last + 1 - first) & ((1 << PE_BITS) - 1) == 0, first + 1, last + 1)


@obligation(
    supports="no-dead-liobn",
    about=liobn_after,
    mutant=(defaults_are_not_looked_at, kept_below_the_second_pe),
    scope=Scope.SEQUENCES,
)
def a_new_liobn_is_no_windows(c: LiobnCase) -> Claim:
    """However many windows come and go, a new LIOBN is above all given out before, and no PE's default window has it."""
    liobn = c.rule(c.last, c.first)
    return c.claim(
        assume=[c.liobns_are_cells],
        cover={"one is skipped": liobn == c.last + 2, "the next": liobn == c.last + 1},
        goal=(liobn > c.last) & (liobn != c.default),
    )


class RecycledCase(Case):
    """A PE with three windows besides the default one, under any LIOBNs, on a platform that gives them out again."""

    def declare(self) -> None:
        """Declare the default LIOBN and those of the windows."""
        self.default = self.word("default")
        self.used = [self.word("one"), self.word("two"), self.word("three")]

    @assumption
    def default_is_a_cell(self) -> Any:
        """A LIOBN is 32 bits."""
        return self.default < 1 << 32

    def decide(self) -> Any:
        """The LIOBN of a new window."""
        choices = Choices(liobn=LiobnOf.RECYCLED)
        papr = SimpleNamespace(profile=SimpleNamespace(choices=choices))
        return self.rule(papr, SimpleNamespace(default=SimpleNamespace(liobn=self.default), windows=self.used))


def by_number(papr: Any, endpoint: Any) -> Any:
    """Wrong: as many behind the default as there are windows, though one below may have gone."""
    return endpoint.default.liobn + len(endpoint.windows)


@obligation(supports="no-dead-liobn", about=new_liobn, mutant=by_number, scope=Scope.BOUNDED)
def a_recycled_liobn_is_no_live_windows(c: RecycledCase) -> Claim:
    """A LIOBN that is given out again is no live window's, and the lowest such above the default (bounded: three windows)."""
    liobn = c.decide()
    used, lower = c.used, c.word("lower")
    free = negate((lower == used[0]) | (lower == used[1]) | (lower == used[2])) & (lower > c.default)
    return c.claim(
        assume=[c.default_is_a_cell],
        cover={"a gap is filled": (liobn < used[2]) & (used[0] < liobn)},
        goal=(liobn != used[0]) & (liobn != used[1]) & (liobn != used[2]) & implies(free, liobn <= lower),
    )
