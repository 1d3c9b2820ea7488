# SPDX-License-Identifier: GPL-2.0-or-later
"""From bytes of memory to I/O pages and back. Rules: `model.guest.io_pages`."""

from typing import Any

from model.defects import premap_rounds_down
from model.guest import io_pages
from model.guest.io_pages import IoPages
from model.words import ceil_to, umin, word
from proofs.case import Case, Claim, assumption, implies, negate, one_of
from proofs.facts import MOST_MEMORY, PAGE_SHIFTS
from proofs.obligation import obligation


def has(pages: Any, page: Any) -> Any:
    """Whether a run of I/O pages has that one."""
    return (page >= pages.first) & (page < pages.first + pages.number)


class Page:
    """One I/O page as bytes."""

    def __init__(self, number: Any, page_shift: Any) -> None:
        """Work out its first byte and the one behind its last."""
        self.start = number << page_shift
        self.stop = self.start + (word(1) << page_shift)

    def touches(self, start: Any, stop: Any) -> Any:
        """Whether it has a byte of [start, stop), which is not empty."""
        return (self.start < stop) & (start < self.stop)


class RangeCase(Case):
    """Any range of memory, any I/O page size, any one I/O page."""

    def declare(self) -> None:
        """Declare the range, the page size and an I/O page."""
        self.start, self.size = self.word("start"), self.word("size")
        self.page_shift, self.page = self.word("page_shift"), self.word("page")

    @assumption
    def page_is_known(self) -> Any:
        """The I/O page is one that LoPAR knows."""
        return one_of(self.page_shift, PAGE_SHIFTS)

    @assumption
    def memory_is_real(self) -> Any:
        """The range lies within 2 PiB."""
        return (self.start <= MOST_MEMORY) & (self.size <= MOST_MEMORY)

    @assumption
    def page_is_real(self) -> Any:
        """The I/O page lies within 8 PiB, four times what memory may be."""
        return self.page <= word(4 * MOST_MEMORY) >> self.page_shift


def offset_ignored(start: Any, size: Any, page_shift: Any) -> IoPages:
    """Wrong: as many I/O pages as the size alone needs, wherever the range begins."""
    return IoPages(start >> page_shift, ceil_to(size, page_shift) >> page_shift)


def one_page_more(start: Any, size: Any, page_shift: Any) -> IoPages:
    """Wrong: takes the end for a byte of the range."""
    first = start >> page_shift
    return IoPages(first, ((start + size) >> page_shift) - first + 1)


@obligation(supports="ram-covered", about=io_pages.pages_touched, mutant=offset_ignored)
def every_byte_lies_in_a_page_touched(c: RangeCase) -> Claim:
    """The I/O page of every byte of the range is among those touched."""
    pages, byte = c.rule(c.start, c.size, c.page_shift), c.word("byte")
    inside = (c.start <= byte) & (byte < c.start + c.size)
    return c.claim(
        assume=[c.page_is_known, c.memory_is_real],
        cover={"less than a page over a border": inside & (c.size < 4096) & (pages.number == 2)},
        goal=implies(inside, has(pages, byte >> c.page_shift)),
    )


@obligation(supports="direct-maps-only-ram", about=io_pages.pages_touched, mutant=one_page_more)
def every_page_touched_holds_a_byte_of_the_range(c: RangeCase) -> Claim:
    """No I/O page is touched that has no byte of the range."""
    pages = c.rule(c.start, c.size, c.page_shift)
    page = Page(c.page, c.page_shift)
    return c.claim(
        assume=[c.page_is_known, c.memory_is_real, c.page_is_real],
        cover={"a page that straddles the end": has(pages, c.page) & (page.stop > c.start + c.size)},
        goal=implies(has(pages, c.page), page.touches(c.start, c.start + c.size) & (c.size > 0)),
    )


@obligation(supports="ram-covered", about=io_pages.pages_to_set, mutant=premap_rounds_down.whole_pages)
def every_byte_of_a_ram_range_lies_in_a_page_that_is_set(c: RangeCase) -> Claim:
    """Pre-mapping a RAM range sets the I/O page of each of its bytes."""
    pages, byte = c.rule(c.start, c.start + c.size, c.page_shift), c.word("byte")
    inside = (c.start <= byte) & (byte < c.start + c.size)
    return c.claim(
        assume=[c.page_is_known, c.memory_is_real],
        cover={"RAM that ends inside an I/O page": inside & (c.size < 4096) & (pages.number == 1)},
        goal=implies(inside, has(pages, byte >> c.page_shift)),
    )


class ClipCase(RangeCase):
    """A RAM block that is to be pre-mapped or unmapped, and a direct part that may end before it does."""

    def declare(self) -> None:
        """Declare the block, the I/O page and the size of the direct part in I/O pages."""
        super().declare()
        self.direct_pages = self.word("direct_pages")

    @assumption
    def direct_part_is_real(self) -> Any:
        """The direct part has no more bytes than all memory there may be."""
        return self.direct_pages <= word(MOST_MEMORY) >> self.page_shift

    def decide(self) -> Any:
        """The block's I/O pages as premap() works them out, and the part of the block it does so for."""
        start, stop = self.rule(self.start, self.start + self.size, self.direct_pages << self.page_shift)
        return self.kernel.pages_to_set(start, stop, self.page_shift), start, stop


def not_clipped(start: Any, stop: Any, limit: Any) -> Any:
    """Wrong: as in Linux's memory notifier, the block is taken whole."""
    return start, stop


def all_or_nothing(start: Any, stop: Any, limit: Any) -> Any:
    """Wrong: a block that reaches beyond the direct part is left out."""
    return (start, stop) if stop <= limit else (limit, limit)


@obligation(supports="no-write-outside", about=io_pages.clip, mutant=not_clipped)
def no_tce_behind_the_direct_part_is_set(c: ClipCase) -> Claim:
    """The I/O pages to pre-map for a block lie in the direct part, if that ends at a border of I/O pages."""
    pages, _, _ = c.decide()
    return c.claim(
        assume=[c.page_is_known, c.memory_is_real, c.direct_part_is_real],
        cover={
            "a block across the end": (pages.number > 0) & (c.start + c.size > c.direct_pages << c.page_shift),
            "a block behind the end": (c.size > 0) & (pages.number == 0),
        },
        goal=implies(pages.number > 0, pages.first + pages.number <= c.direct_pages),
    )


@obligation(supports="ram-covered", about=io_pages.clip, mutant=all_or_nothing)
def clipping_keeps_all_of_the_direct_part(c: ClipCase) -> Claim:
    """Each byte of a block that the direct part has room for is pre-mapped."""
    _, start, stop = c.decide()
    byte, limit = c.word("byte"), c.direct_pages << c.page_shift
    wanted = (c.start <= byte) & (byte < c.start + c.size) & (byte < limit)
    return c.claim(
        assume=[c.page_is_known, c.memory_is_real, c.direct_part_is_real],
        cover={"a block across the end": wanted & (c.start + c.size > limit)},
        goal=implies(wanted, (start <= byte) & (byte < stop)),
    )


class ClearCase(Case):
    """Any RAM block that goes offline, with whatever RAM there is below and above it, and any I/O page."""

    def declare(self) -> None:
        """Declare the block, where its neighbours end and begin, the page size and an I/O page."""
        self.start, self.stop = self.word("start"), self.word("stop")
        self.before, self.after = self.word("before"), self.word("after")
        self.page_shift, self.page = self.word("page_shift"), self.word("page")

    @assumption
    def page_is_known(self) -> Any:
        """The I/O page is one that LoPAR knows."""
        return one_of(self.page_shift, PAGE_SHIFTS)

    @assumption
    def block_is_real(self) -> Any:
        """The block has at least a byte and ends within 2 PiB."""
        return (self.start < self.stop) & (self.stop <= MOST_MEMORY)

    @assumption
    def neighbours_are_apart(self) -> Any:
        """RAM below ends at or below the block, RAM above begins at or above its end."""
        return (self.before <= self.start) & (self.after >= self.stop)

    @assumption
    def page_is_real(self) -> Any:
        """The I/O page lies within 8 PiB, four times what memory may be."""
        return self.page <= word(4 * MOST_MEMORY) >> self.page_shift

    def decide(self) -> Any:
        """The I/O pages to clear."""
        return self.rule(self.start, self.stop, self.before, self.after, self.page_shift)

    @property
    def is_shared(self) -> Any:
        """Whether the I/O page holds a byte of other RAM: what ends at `before`, what begins at `after`."""
        page = Page(self.page, self.page_shift)
        return (page.start < self.before) | (page.stop > self.after)

    @property
    def is_needed(self) -> Any:
        """Whether the I/O page holds a byte of the block."""
        return Page(self.page, self.page_shift).touches(self.start, self.stop)


def neighbours_ignored(start: Any, stop: Any, before: Any, after: Any, page_shift: Any) -> IoPages:
    """Wrong: as in Linux, every I/O page the block touches, though other RAM may lie in it too."""
    return io_pages.pages_touched(start, stop - start, page_shift)


def neighbour_below_ignored(start: Any, stop: Any, before: Any, after: Any, page_shift: Any) -> IoPages:
    """Wrong: looks at the RAM above alone."""
    return io_pages.pages_to_clear(start, stop, word(0), after, page_shift)


def neighbour_above_ignored(start: Any, stop: Any, before: Any, after: Any, page_shift: Any) -> IoPages:
    """Wrong: looks at the RAM below alone."""
    return io_pages.pages_to_clear(start, stop, before, word((1 << 64) - 1), page_shift)


def whole_pages_only(start: Any, stop: Any, before: Any, after: Any, page_shift: Any) -> IoPages:
    """Wrong: keeps every I/O page that the block does not fill."""
    first, end = ceil_to(start, page_shift) >> page_shift, stop >> page_shift
    return IoPages(umin(first, end), end - umin(first, end))


def one_page_beyond(start: Any, stop: Any, before: Any, after: Any, page_shift: Any) -> IoPages:
    """Wrong: takes the end for a byte of the block."""
    return io_pages.pages_to_clear(start, stop + 1, before, after, page_shift)


@obligation(
    supports="ram-covered",
    about=io_pages.pages_to_clear,
    mutant=(neighbours_ignored, neighbour_below_ignored, neighbour_above_ignored),
)
def no_page_is_cleared_that_other_ram_needs(c: ClearCase) -> Claim:
    """An I/O page that holds a byte of other RAM stays mapped when the block goes offline."""
    pages = c.decide()
    return c.claim(
        assume=[c.page_is_known, c.block_is_real, c.neighbours_are_apart, c.page_is_real],
        cover={"one page of the block is shared, one is not": c.is_shared & c.is_needed & (pages.number > 0)},
        goal=negate(has(pages, c.page) & c.is_shared),
    )


@obligation(supports="direct-maps-only-ram", about=io_pages.pages_to_clear, mutant=whole_pages_only)
def every_page_that_no_other_ram_needs_is_cleared(c: ClearCase) -> Claim:
    """An I/O page that holds bytes of the block and of no other RAM is cleared."""
    alone = c.is_needed & negate(c.is_shared)
    return c.claim(
        assume=[c.page_is_known, c.block_is_real, c.page_is_real],
        cover={"a page that the block does not fill": alone & (c.start > c.page << c.page_shift)},
        goal=implies(alone, has(c.decide(), c.page)),
    )


@obligation(supports="no-write-outside", about=io_pages.pages_to_clear, mutant=one_page_beyond)
def no_page_is_cleared_that_the_block_does_not_touch(c: ClearCase) -> Claim:
    """Only I/O pages that hold a byte of the block are cleared, so none behind the direct part once it is clipped."""
    cleared = has(c.decide(), c.page)
    return c.claim(
        assume=[c.page_is_known, c.block_is_real, c.page_is_real],
        cover={"a page is cleared": cleared},
        goal=implies(cleared, c.is_needed),
    )


@obligation(
    supports="direct-maps-only-ram", about=io_pages.pages_to_clear, mutant=(neighbours_ignored, whole_pages_only)
)
def online_then_offline_restores_every_page(c: ClearCase) -> Claim:
    """After a block went online and offline again, an I/O page that it touches is mapped just if other RAM needs it."""
    was_set = has(c.kernel.pages_to_set(c.start, c.stop, c.page_shift), c.page)
    mapped = (c.is_shared | was_set) & negate(has(c.decide(), c.page))
    return c.claim(
        assume=[c.page_is_known, c.block_is_real, c.neighbours_are_apart, c.page_is_real],
        cover={"a page that stays": c.is_needed & c.is_shared, "a page that goes": c.is_needed & negate(c.is_shared)},
        goal=implies(c.is_needed, mapped == c.is_shared),
    )


@obligation(supports="no-write-outside", about=io_pages.pages_to_clear, mutant=one_page_beyond)
def offline_clears_no_more_than_online_set(c: ClearCase) -> Claim:
    """An I/O page that is cleared is one that was set when the block went online."""
    cleared = has(c.decide(), c.page)
    return c.claim(
        assume=[c.page_is_known, c.block_is_real],
        cover={"a page is cleared": cleared},
        goal=implies(cleared, has(c.kernel.pages_to_set(c.start, c.stop, c.page_shift), c.page)),
    )


def limit_is_the_last_byte(start: Any, stop: Any, limit: Any) -> Any:
    """Wrong: the first byte behind the direct part counts to it."""
    return umin(start, limit + 1), umin(stop, limit + 1)


@obligation(supports="no-write-outside", about=io_pages.clip, mutant=limit_is_the_last_byte)
def what_is_clipped_lies_below_the_limit(c: ClipCase) -> Claim:
    """What is left of a block lies below the limit, and does not end before it starts."""
    start, stop = c.rule(c.start, c.start + c.size, c.direct_pages)
    return c.claim(
        assume=[c.memory_is_real],
        cover={"cut": (c.start < c.direct_pages) & (c.start + c.size > c.direct_pages)},
        goal=(start <= stop) & (stop <= c.direct_pages),
    )
