# SPDX-License-Identifier: GPL-2.0-or-later
"""The decisions that are compared. The words that the code is asked and tells are those of `c/decisions/entries.c`."""

from types import SimpleNamespace
from typing import Any

from model.guest import io_pages, pools, routing
from model.guest.kernel import Kernel
from model.guest.sizing import PAGE_SHIFT_OF_BIT
from model.guest.tces import PER_CALL
from model.words import select, umin, word
from proofs.binary.comparison import COMPARISONS, PAGE, CodeCase, comparison
from proofs.case import Claim, assumption, negate, one_of
from proofs.facts import LAST_ADDRESS, MOST_MEMORY, MOST_MEMORY_SHIFT, PAGE_SHIFTS

__all__ = ["COMPARISONS"]

READ_WRITE = 3
"""TCE control bits. LoPAR table 8."""


def as_word(condition: Any) -> Any:
    """A truth value as C has it."""
    return select(condition, word(1), word(0))


class HandleCase(CodeCase):
    """Any handle, for a device with any direct part, or none, anywhere on the bus."""

    def declare(self) -> None:
        """Declare the handle, the size of the direct part, and the window's bus address."""
        self.handle, self.direct_end, self.base = self.word("handle"), self.word("direct_end"), self.word("base")

    @assumption
    def direct_part_ends_on_the_bus(self) -> Any:
        """The direct part ends below 2^64."""
        return self.direct_end < (1 << 64) - 1 - self.base


@comparison(
    function="arch_dma_unmap_{page,phys}_direct", decision="unmap_is_direct", asked=3, told=1,
    rule=lambda kernel: kernel.unmap_is_direct, wrong=routing.unmap_is_direct,
)  # fmt: skip
def the_end_of_a_mapping_is_routed_as_the_model_says(c: HandleCase) -> Claim:
    """Whether a handle is direct, for all handles and windows; bus_dma_limit is the end of the direct part, 0 without one."""
    limit = select(c.direct_end > 0, c.base + c.direct_end, word(0))
    told = c.asks(c.handle, limit, c.base)
    direct = c.rule(c.handle, c.direct_end, c.base)
    return c.claim(
        assume=[c.direct_part_ends_on_the_bus],
        cover={"direct": direct, "not": c.handle < c.base, "behind the direct part": c.handle > limit},
        goal=told.known & (told.words[0] == as_word(direct)),
    )


class MemoryCase(CodeCase):
    """Any memory, for a device with any limit and offset."""

    def declare(self) -> None:
        """Declare where the memory ends, bus_dma_limit, and dma_offset."""
        self.stop, self.limit, self.offset = self.word("stop"), self.word("limit"), self.word("offset")

    @assumption
    def memory_ends_on_the_bus(self) -> Any:
        """The direct address of the memory's end is below 2^64."""
        return self.stop <= (1 << 64) - 1 - self.offset


def below_the_limit(limit: Any, offset: Any, stop: Any) -> Any:
    """Wrong: memory that ends at the limit is not direct."""
    return (limit > 0) & (offset + stop < limit)


def limit_of_zero_is_none(limit: Any, offset: Any, stop: Any) -> Any:
    """Wrong: a device without a limit reaches all memory directly."""
    return (limit == 0) | (offset + stop <= limit)


def routes(kernel: Any) -> Any:
    """A release's rule for a device that does not bypass."""

    def release(limit: Any, offset: Any, stop: Any) -> Any:
        device = SimpleNamespace(bypass=False, mask=None, limit=limit, offset=offset)
        return kernel.routes_directly(SimpleNamespace(devices={0: device}), 0, SimpleNamespace(stop=stop))

    return release


@comparison(
    function="arch_dma_map_{page,phys}_direct", decision="map_is_direct", asked=3, told=1,
    rule=routes, wrong=(below_the_limit, limit_of_zero_is_none),
)  # fmt: skip
def memory_is_routed_as_the_model_says(c: MemoryCase) -> Claim:
    """Whether memory goes direct where the device does not bypass; the kernel passes the address of its end."""
    told = c.asks(c.stop, c.limit, c.offset)
    direct = c.rule(c.limit, c.offset, c.stop)
    return c.claim(
        assume=[c.memory_ends_on_the_bus],
        cover={"a limit": c.limit > 0, "at the limit": c.offset + c.stop == c.limit},
        goal=told.known & (told.words[0] == as_word(direct)),
    )


class MaskCase(CodeCase):
    """Any mask of page sizes."""

    def declare(self) -> None:
        """Declare it."""
        self.offered = self.word("offered")


def bit_by_bit(offered: Any) -> Any:
    """Wrong: takes the last bit for the largest page; 2M is out of order."""
    last = word(0)
    for bit, shift in enumerate(PAGE_SHIFT_OF_BIT):
        last = select((offered >> bit) & 1 == 1, word(shift), last)
    return last


@comparison(
    function="iommu_get_page_shift", decision="page_shift", asked=1, told=1, merge=True,
    rule=lambda kernel: kernel.largest_page_shift, wrong=bit_by_bit,
)  # fmt: skip
def the_page_shift_is_the_models(c: MaskCase) -> Claim:
    """The I/O page that is chosen, for all masks."""
    told, largest = c.asks(c.offered), c.rule(c.offered)
    return c.claim(
        assume=[],
        cover={"16G and 2M": c.offered == 0x180, "none": largest == 0, "a bit that means nothing": c.offered == 0x200},
        goal=told.known & (told.words[0] == largest),
    )


class BytesCase(CodeCase):
    """Any bytes, in any I/O pages."""

    def declare(self) -> None:
        """Declare the page, and where the bytes start and how many there are."""
        self.page_shift = self.choice("page_shift", PAGE_SHIFTS)
        self.start, self.size = self.word("start"), self.word("size")

    @assumption
    def bytes_are_real(self) -> Any:
        """There are some bytes, fewer than 2^62, from below 2^63. (Of none, C counts a page if they start inside one.)"""
        return (self.start < 1 << 63) & (self.size > 0) & (self.size < 1 << 62)


def start_is_aligned(start: Any, size: Any, page_shift: Any) -> Any:
    """Wrong: as if the bytes began at the start of a page."""
    return io_pages.pages_touched(word(0), size, page_shift)


@comparison(
    function="iommu_num_pages", decision="pages_touched", asked=3, told=1,
    rule=lambda kernel: kernel.pages_touched, wrong=start_is_aligned,
)  # fmt: skip
def the_pages_that_bytes_touch_are_the_models(c: BytesCase) -> Claim:
    """How many I/O pages hold some of the bytes, for all bytes that do not wrap around."""
    told, pages = c.asks(c.start, c.size, c.page_shift), c.rule(c.start, c.size, c.page_shift)
    return c.claim(
        assume=[c.bytes_are_real],
        cover={"one byte": c.size == 1, "over an edge": (c.size == 2) & (pages.number == 2)},
        goal=told.known & (told.words[0] == pages.number),
    )


KERNEL_PAGES = 1 << (MOST_MEMORY_SHIFT - PAGE)
"""Kernel pages of the most memory there may be."""


class RangeCase(CodeCase):
    """Any kernel pages of RAM, for a window anywhere with any I/O page."""

    most = 0

    def declare(self) -> None:
        """Declare the I/O page, the kernel pages, and the window's bus address."""
        self.page_shift = self.choice("page_shift", PAGE_SHIFTS)
        self.first, self.number, self.base = self.word("first"), self.word("number"), self.word("base")
        self.start, self.size = self.first << PAGE, self.number << PAGE

    def expected(self, pages: Any) -> Any:
        """What hypercalls make of I/O pages: the bus address of the first, and how many."""
        return self.base + (pages.first << self.page_shift), pages.number

    @assumption
    def memory_is_real(self) -> Any:
        """The memory lies within 2 PiB, and there is some."""
        return (self.first < KERNEL_PAGES) & (self.number > 0) & (self.number <= KERNEL_PAGES)

    @assumption
    def window_is_on_the_bus(self) -> Any:
        """The window begins below 2^63."""
        return self.base < 1 << 63

    @assumption
    def pages_are_few(self) -> Any:
        """The memory is no longer than some I/O pages, so that the loop over hypercalls ends."""
        return self.size <= word(self.most) << self.page_shift


def few(most: int) -> Any:
    """The same bound, on the words that the code is asked."""

    def bound(first: Any, number: Any, base: Any, page_shift: Any) -> Any:
        real = (first < KERNEL_PAGES) & (number > 0) & (number <= KERNEL_PAGES) & one_of(page_shift, PAGE_SHIFTS)
        return real & (number << PAGE <= word(most) << page_shift)

    return bound


class ClearCase(RangeCase):
    """More I/O pages than one hypercall takes."""

    most = 600

    def declare(self) -> None:
        """Declare the neighbours, too, of which the kernel knows nothing."""
        super().declare()
        self.before, self.after = self.word("before"), self.word("after")


@comparison(
    function="tce_clearrange_multi_pSeriesLP", decision="pages_to_clear", asked=4, told=8, bound=few(ClearCase.most),
    rule=lambda kernel: kernel.pages_to_clear, wrong=io_pages.pages_to_clear,
)  # fmt: skip
def the_pages_cleared_are_the_models(c: ClearCase) -> Claim:
    """Which TCEs are cleared when RAM goes, in hypercalls of at most 512, for up to 600 I/O pages of RAM."""
    told = c.asks(c.first, c.number, c.base, c.page_shift)
    pages = c.rule(c.start, c.start + c.size, c.before, c.after, c.page_shift)
    ioba, number = c.expected(pages)
    goal, left = told.known & (told.words[0] == 0), number
    for call in range(2):
        done = word(PER_CALL * call)
        made = (number > done) | (call == 0)
        here = umin(left, PER_CALL)
        goal = goal & (told.words[2 + 2 * call] == select(made, ioba + (done << c.page_shift), word(0)))
        goal = goal & (told.words[3 + 2 * call] == here)
        left = left - here
    return c.claim(
        assume=[c.memory_is_real, c.window_is_on_the_bus, c.pages_are_few],
        cover={"none of its own": number == 0, "two calls": number == PER_CALL + 1},
        goal=goal & (left == 0) & (told.words[6] == 0) & (told.words[7] == 0),
    )


class SetCase(RangeCase):
    """A few I/O pages, since each is an entry of a list."""

    most = 3


@comparison(
    function="tce_setrange_multi_pSeriesLP", decision="pages_to_set", asked=4, told=8, bound=few(SetCase.most),
    rule=lambda kernel: kernel.pages_to_set, wrong=io_pages.pages_to_set,
)  # fmt: skip
def the_pages_set_are_the_models(c: SetCase) -> Claim:
    """Which TCEs are set when RAM comes and what they hold, for up to 3 I/O pages of RAM."""
    told = c.asks(c.first, c.number, c.base, c.page_shift)
    pages = c.rule(c.start, c.start + c.size, c.page_shift)
    ioba, number = c.expected(pages)
    goal = (
        told.known & (told.words[0] == 0) & (told.words[1] == 1) & (told.words[2] == ioba) & (told.words[3] == number)
    )
    for entry in range(4):
        tce = ((pages.first + entry) << c.page_shift) + READ_WRITE
        goal = goal & (told.words[4 + entry] == select(number > entry, tce, word(0)))
    return c.claim(
        assume=[c.memory_is_real, c.window_is_on_the_bus, c.pages_are_few],
        cover={"none": number == 0, "one": number == 1, "three": number == 3},
        goal=goal,
    )


class TableCase(CodeCase):
    """Any table."""

    page_shifts = PAGE_SHIFTS

    def declare(self) -> None:
        """Declare the I/O page, the first I/O page on the bus, and the entries."""
        self.page_shift = self.choice("page_shift", self.page_shifts)
        self.offset, self.entries = self.word("offset"), self.word("entries")

    @assumption
    def table_ends_on_the_bus(self) -> Any:
        """The table has entries, fewer bytes than 2^64, and ends below that on the bus."""
        pages = word((1 << 64) - 1) >> self.page_shift
        return (self.entries > 0) & (self.entries <= pages) & (self.offset <= pages - umin(self.entries, pages))


def one_pool(entries: Any, page_shift: Any) -> Any:
    """Wrong: as if no table were split."""
    return pools.Pools(word(1), (entries * 3) >> 2)


@comparison(
    function="iommu_init_table (pools)", decision="init_table", asked=5, told=9,
    bound=lambda offset, entries, page_shift, start, stop: (
        (start == 0) & (stop == 0) & one_of(page_shift, PAGE_SHIFTS) & (entries > 0)
    ),
    rule=lambda kernel: kernel.pool_layout, wrong=one_pool,
)  # fmt: skip
def the_pools_are_the_models(c: TableCase) -> Claim:
    """How a table of any size is laid out in pools, where nothing is reserved but page 0."""
    told = c.asks(c.offset, c.entries, c.page_shift, word(0), word(0))
    layout = c.rule(c.entries, c.page_shift)
    ready, number, size, large, end = told.words[:5]
    top = select(layout.number == 1, layout.size, layout.size << 2)
    goal = (ready == 1) & (number == layout.number) & (size == layout.size) & (large == top) & (end == c.entries)
    return c.claim(
        assume=[c.table_ends_on_the_bus],
        cover={"one": layout.number == 1, "four": layout.number == 4, "one entry": c.entries == 1},
        goal=told.known & goal & (told.words[8] == 0),
    )


class ReservedCase(TableCase):
    """A small table, and MMIO anywhere; of two I/O pages, since the code looks at their numbers alone."""

    page_shifts = (16, 21)
    most = 3

    def declare(self) -> None:
        """Declare where the MMIO starts and ends, too."""
        super().declare()
        self.start, self.stop = self.word("start"), self.word("stop")

    @assumption
    def there_is_mmio(self) -> Any:
        """The MMIO has bytes."""
        return self.start < self.stop

    @assumption
    def table_is_small(self) -> Any:
        """The table has a few entries, so that the loop over them ends."""
        return self.entries <= self.most


@comparison(
    function="iommu_table_reserve_pages", decision="init_table", asked=5, told=9,
    bound=lambda offset, entries, page_shift, start, stop: (
        (start <= stop) & one_of(page_shift, ReservedCase.page_shifts) & (entries > 0)
        & (entries <= ReservedCase.most)
        & (offset < 1 << 52)
    ),
    rule=lambda kernel: kernel.mmio_entries, wrong=pools.mmio_entries,
)  # fmt: skip
def the_entries_reserved_are_the_models(c: ReservedCase) -> Claim:
    """Which entries are reserved for MMIO and page 0, in the map too, for tables of up to 3 entries anywhere on the bus.

    The code is asked the I/O pages of the first and the last byte, as enable_ddw() asks it.
    """
    told = c.asks(c.offset, c.entries, c.page_shift, c.start >> c.page_shift, (c.stop - 1) >> c.page_shift)
    reserved = c.rule(c.offset << c.page_shift, c.entries, c.page_shift, c.start, c.stop)
    bits = select(c.offset == 0, word(1), word(0))
    for entry in range(c.most):
        taken = (reserved.start <= entry) & (reserved.stop > entry)
        bits = bits | select(taken, word(1 << entry), word(0))
    start, stop = told.words[5], told.words[6]
    where = (start == c.offset + reserved.start) & (stop == c.offset + reserved.stop)
    return c.claim(
        assume=[c.table_ends_on_the_bus, c.there_is_mmio, c.table_is_small],
        cover={"some": reserved.stop > reserved.start, "none": reserved.stop == 0, "page 0": c.offset == 0},
        goal=told.known & where & (told.words[7] == bits),
    )


PAGES_OFFERED = 0x100
"""The mask of page sizes that query answers, 2M: the choice from a mask is another theorem."""
MOST_BLOCK = 1 << 42
"""TCEs of the largest block: of 2M they are 2^63 bytes. (Of more, C shifts by 64.)"""


class PlanCase(CodeCase):
    """A PE of which enable_ddw() is asked a window: any maximum of RAM and block of TCEs."""

    def declare(self) -> None:
        """Declare these, whether there is vPMEM, and whether the default window has to be given up."""
        self.vpmem, self.gives_up = self.choice("vpmem", (0, 1)), self.choice("gives_up", (0, 1))
        self.hotplug_max, self.block = self.word("hotplug_max"), self.word("block")

    @assumption
    def ram_is_real(self) -> Any:
        """The maximum of RAM is at most 2 PiB, and holds the kernel's first page."""
        return (self.hotplug_max >= 1 << PAGE) & (self.hotplug_max <= MOST_MEMORY)

    @assumption
    def block_is_real(self) -> Any:
        """The largest block is at most 2^63 bytes."""
        return self.block <= MOST_BLOCK


def plan_of(kernel: Any) -> Any:
    """A release's rules for a window, in the order of `plan_for`."""

    def plan(pages: Any, block: Any, mask: Any, hotplug_max: Any, vpmem: bool, gave_up: bool) -> Any:
        page_shift = kernel.largest_page_shift(pages)
        largest = kernel.largest_window_shift(block, page_shift, mask)
        guest = SimpleNamespace(
            page_shift=PAGE, vpmem=vpmem, hotplug_max=lambda: hotplug_max, ram_shift=kernel.ram_shift
        )
        direct, shared = kernel.direct_goal(guest, SimpleNamespace(gave_up=gave_up), largest)
        return page_shift, kernel.plan_window(largest, page_shift, direct, shared)

    return plan


@comparison(
    function="enable_ddw (window and split)", decision="plan_window", asked=6, told=8,
    bound=lambda hotplug_max, vpmem, windows, block, pages, mask: (
        (hotplug_max >= 1 << PAGE) & (hotplug_max <= MOST_MEMORY) & (vpmem <= 1) & (windows <= 1)
        & (block <= MOST_BLOCK) & (pages == PAGES_OFFERED) & (mask == LAST_ADDRESS)
    ),
    rule=plan_of, wrong=plan_of(Kernel), releases=("6.12", "7.2", "7.3"),
)  # fmt: skip
def the_window_and_its_split_are_the_models(c: PlanCase) -> Claim:
    """What create is asked for, and where the dynamic table lies in the window, which is at bus address 0 here.

    For a mask of 64 bits and pages of 2M.
    """
    told = c.asks(c.hotplug_max, c.vpmem, 1 - c.gives_up, c.block, word(PAGES_OFFERED), word(LAST_ADDRESS))
    vpmem, gave_up = bool(c.vpmem == 1), bool(c.gives_up == 1)
    page_shift, plan = c.rule(word(PAGES_OFFERED), c.block, word(LAST_ADDRESS), c.hotplug_max, vpmem, gave_up)
    created, asked_page, asked_window, _, direct, dynamic, first, entries = told.words
    has_dynamic = plan.dynamic.size > 0
    goal = (created == 1) & (asked_page == page_shift) & (asked_window == plan.shift)
    goal = goal & (direct == as_word(plan.direct.size > 0)) & (dynamic == as_word(has_dynamic))
    goal = goal & (first == select(has_dynamic, plan.dynamic.start >> page_shift, word(0)))
    return c.claim(
        assume=[c.ram_is_real, c.block_is_real],
        cover={
            "direct": negate(has_dynamic),
            "dynamic": plan.direct.size == 0,
            "split": (plan.direct.size > 0) & has_dynamic,
        },
        goal=told.known & goal & (entries == select(has_dynamic, plan.dynamic.size >> page_shift, word(0))),
    )
