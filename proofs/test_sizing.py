# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes: the I/O page, the largest window, the room that RAM needs. Rules: `model.guest.sizing`."""

from typing import Any

from model.guest import sizing
from model.words import select, umin, word
from proofs.case import Case, Claim, assumption, implies, one_of
from proofs.facts import MOST_MEMORY, PAGE_SHIFT_OF_OFFER, PAGE_SHIFTS, WIDE_MASKS
from proofs.obligation import obligation


class PageCase(Case):
    """Any page mask that query may answer, reserved bits and all."""

    def declare(self) -> None:
        """Declare query's page mask."""
        self.offered = self.word("offered")

    def offers(self, bit: int) -> Any:
        """Whether query's mask has that bit."""
        return (self.offered >> bit) & 1 == 1


def bit_8_is_32_gib(offered: Any) -> Any:
    """Wrong: takes the bits for a row of sizes in order, and 2M for what would come after 16G."""
    best = word(0)
    for bit, shift in enumerate((12, 16, 24, 25, 26, 27, 28, 34, 35)):
        best = select((offered >> bit) & 1 == 1, shift, best)
    return best


def highest_bit_wins(offered: Any) -> Any:
    """Wrong: the highest bit stands for 2M, which is not the largest."""
    best = word(0)
    for bit, shift in PAGE_SHIFT_OF_OFFER.items():
        best = select((offered >> bit) & 1 == 1, shift, best)
    return best


@obligation(supports="regions-inside-window", about=sizing.largest_page_shift, mutant=bit_8_is_32_gib)
def the_io_page_is_one_that_query_offers(c: PageCase) -> Claim:
    """The I/O page that is chosen is one that query offers, and none is chosen only if query offers none."""
    shift = c.rule(c.offered)
    is_offered, offers_any = False, False
    for bit, known in PAGE_SHIFT_OF_OFFER.items():
        is_offered = is_offered | (c.offers(bit) & (shift == known))
        offers_any = offers_any | c.offers(bit)
    return c.claim(
        assume=[],
        cover={"2M is chosen": shift == 21, "query offers nothing that is known": shift == 0},
        goal=implies(offers_any, is_offered) & (offers_any | (shift == 0)),
    )


@obligation(supports="regions-inside-window", about=sizing.largest_page_shift, mutant=highest_bit_wins)
def no_larger_io_page_is_offered(c: PageCase) -> Claim:
    """No I/O page that query offers is larger than the one that is chosen."""
    shift = c.rule(c.offered)
    largest = True
    for bit, known in PAGE_SHIFT_OF_OFFER.items():
        largest = largest & implies(c.offers(bit), shift >= known)
    return c.claim(assume=[], cover={"16G and 2M are offered": c.offers(7) & c.offers(8)}, goal=largest)


class WindowCase(Case):
    """Any block of TCEs that query may answer, for any known I/O page and any mask that opens a window."""

    def declare(self) -> None:
        """Declare query's block, the I/O page and the device's mask."""
        self.block, self.page_shift, self.mask = self.word("block"), self.word("page_shift"), self.word("mask")

    @assumption
    def page_is_known(self) -> Any:
        """The I/O page is one that LoPAR knows."""
        return one_of(self.page_shift, PAGE_SHIFTS)

    @assumption
    def mask_is_wide(self) -> Any:
        """The mask is a run of more than 32 low bits."""
        return one_of(self.mask, WIDE_MASKS)

    def decide(self) -> Any:
        """log2 of the largest window."""
        return self.rule(self.block, self.page_shift, self.mask)


def rounded_up(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: order_base_2(), as Linux has it, rounds a block that is no power of two up."""
    if block == 0:
        return word(0)
    return umin(umin((block - 1).fls() + page_shift, 63), mask.fls())


def shift_of_64(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: nothing keeps the window below 2^64 bytes, a shift that C leaves undefined."""
    if block == 0:
        return word(0)
    return umin(block.fls() - 1 + page_shift, mask.fls())


def mask_ignored(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: a device that cannot address the window gets it all the same."""
    return sizing.largest_window_shift(block, page_shift, word((1 << 64) - 1))


def half_of_it(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: rounds down once too often."""
    shift = sizing.largest_window_shift(block, page_shift, mask)
    return shift - select(shift == 0, 0, 1)


@obligation(supports="regions-inside-window", about=sizing.largest_window_shift, mutant=(rounded_up, shift_of_64))
def the_window_has_no_more_tces_than_query_offers(c: WindowCase) -> Claim:
    """A window of that size, if it has a TCE at all, has no more TCEs than the block that query offers."""
    shift = c.decide()
    window = word(1) << shift
    return c.claim(
        assume=[c.page_is_known],
        cover={"a block that is no power of two": (c.block == 3) & (shift >= c.page_shift)},
        goal=(shift < c.page_shift) | ((window >> c.page_shift) <= c.block),
    )


@obligation(supports="handle-in-mask", about=sizing.largest_window_shift, mutant=mask_ignored)
def the_window_is_no_larger_than_the_mask(c: WindowCase) -> Claim:
    """The last byte of a window of that size, were it to begin at 0, is within the device's mask."""
    window = word(1) << c.decide()
    return c.claim(
        assume=[c.page_is_known, c.mask_is_wide],
        cover={"the mask is what limits the window": window - 1 == c.mask},
        goal=window - 1 <= c.mask,
    )


@obligation(supports="ram-covered", about=sizing.largest_window_shift, mutant=half_of_it)
def no_larger_window_is_possible(c: WindowCase) -> Claim:
    """Any larger window below 2^64 bytes has more TCEs than query offers or reaches beyond the mask."""
    shift, other = c.decide(), c.word("other")
    window = word(1) << umin(other, 63)
    possible = ((window >> c.page_shift) <= c.block) & (window - 1 <= c.mask) & (other >= c.page_shift) & (other < 64)
    return c.claim(
        assume=[c.page_is_known],
        cover={"a window smaller than the largest": possible & (other < shift)},
        goal=implies(possible, other <= shift),
    )


class RamCase(Case):
    """Any amount of memory that a partition may ever have."""

    def declare(self) -> None:
        """Declare the highest address of memory that may ever be added."""
        self.hotplug_max = self.word("hotplug_max")

    @assumption
    def memory_is_real(self) -> Any:
        """Memory ends within 2 PiB."""
        return self.hotplug_max <= MOST_MEMORY


def rounded_down(hotplug_max: Any) -> Any:
    """Wrong: memory that is no power of two does not fit."""
    if hotplug_max == 0:
        return word(0)
    return hotplug_max.fls() - 1


def one_bit_more(hotplug_max: Any) -> Any:
    """Wrong: fls() of a power of two is one more than its order."""
    return hotplug_max.fls()


@obligation(supports="ram-covered", about=sizing.ram_shift, mutant=rounded_down)
def the_direct_part_can_hold_all_ram(c: RamCase) -> Claim:
    """Two to the shift is at least the hotplug maximum."""
    return c.claim(
        assume=[c.memory_is_real],
        cover={"all of 2 PiB": c.hotplug_max == MOST_MEMORY, "some memory": c.hotplug_max > 1},
        goal=word(1) << c.rule(c.hotplug_max) >= c.hotplug_max,
    )


@obligation(supports="ram-covered", about=sizing.ram_shift, mutant=one_bit_more)
def half_the_direct_part_could_not_hold_all_ram(c: RamCase) -> Claim:
    """Half of two to the shift is less than the hotplug maximum, so no window is needlessly refused as too small."""
    shift = c.rule(c.hotplug_max)
    half = (word(1) << shift) >> 1
    return c.claim(
        assume=[c.memory_is_real],
        cover={"memory that is a power of two": (c.hotplug_max > 1) & (c.hotplug_max == word(1) << shift)},
        goal=(half < c.hotplug_max) | (shift == 0),
    )


def odd_blocks_lose_a_bit(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: a block with its lowest bit set counts for half."""
    shift = sizing.largest_window_shift(block, page_shift, mask)
    return shift - select((block & 1 == 1) & (shift > 0), 1, 0)


def full_masks_lose_a_bit(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: a mask of 64 bits counts as one of 32."""
    shift = sizing.largest_window_shift(block, page_shift, mask)
    return select(mask == (1 << 64) - 1, umin(shift, 32), shift)


@obligation(supports="ram-covered", about=sizing.largest_window_shift, mutant=odd_blocks_lose_a_bit)
def a_larger_block_gives_no_smaller_window(c: WindowCase) -> Claim:
    """If query offers more TCEs, the window is no smaller."""
    shift, more = c.decide(), c.word("more")
    return c.claim(
        assume=[c.page_is_known],
        cover={"a larger window": (more > c.block) & (c.rule(more, c.page_shift, c.mask) > shift)},
        goal=implies(more >= c.block, c.rule(more, c.page_shift, c.mask) >= shift),
    )


@obligation(supports="ram-covered", about=sizing.largest_window_shift, mutant=full_masks_lose_a_bit)
def a_wider_mask_gives_no_smaller_window(c: WindowCase) -> Claim:
    """If the device addresses more, the window is no smaller."""
    shift, wider = c.decide(), c.word("wider")
    return c.claim(
        assume=[c.page_is_known],
        cover={"a larger window": (wider > c.mask) & (c.rule(c.block, c.page_shift, wider) > shift)},
        goal=implies(wider >= c.mask, c.rule(c.block, c.page_shift, wider) >= shift),
    )


def up_to_64_bits(block: Any, page_shift: Any, mask: Any) -> Any:
    """Wrong: 2^64 bytes, which no word holds, count as a window."""
    if block == 0:
        return word(0)
    return umin(umin(block.fls() - 1 + page_shift, 64), mask.fls())


@obligation(supports="calls-well-formed", about=sizing.largest_window_shift, mutant=up_to_64_bits)
def the_windows_size_fits_a_word(c: WindowCase) -> Claim:
    """A window of that size has fewer than 2^64 bytes, so no shift by it is undefined in C."""
    return c.claim(assume=[c.page_is_known], cover={"2^63 bytes": c.decide() == 63}, goal=c.decide() < 64)


def forgets_beyond_64_tib(hotplug_max: Any) -> Any:
    """Wrong: memory beyond 46 bits is not looked at."""
    return sizing.ram_shift(hotplug_max & ((1 << 46) - 1))


@obligation(supports="ram-covered", about=sizing.ram_shift, mutant=forgets_beyond_64_tib)
def more_memory_needs_no_smaller_direct_part(c: RamCase) -> Claim:
    """If memory may end later, the direct part is no smaller."""
    more = c.word("more")
    return c.claim(
        assume=[],
        cover={"a larger part": (more > c.hotplug_max) & (c.rule(more) > c.rule(c.hotplug_max))},
        goal=implies(more >= c.hotplug_max, c.rule(more) >= c.rule(c.hotplug_max)),
    )
