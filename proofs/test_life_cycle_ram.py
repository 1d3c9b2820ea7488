# SPDX-License-Identifier: GPL-2.0-or-later
"""The pre-mapped part of a window through any sequence of events: what holds before each still holds after it.

The watched I/O page and byte are any, so each clause holds of all; the block that comes or goes is any of any number.
I/O pages are 64 KB or 16 GiB; that the rules are right for all others is `test_io_pages`'s.
Events: the window is opened and RAM walked over, a block goes online, is cancelled, fails at any TCE, goes offline, and the
window goes, by a failure after any of these or by detach. Rules: `model.guest.enable`, `hotplug`, `io_pages`, `devices`.
"""

from contextlib import ExitStack
from typing import Any

from model.defects import offline_clears_shared_page, premap_ignores_region_end, premap_rounds_down
from model.guest import devices, enable, hotplug, io_pages, tces
from model.guest.io_pages import IoPages
from model.guest.kernel import Kernel
from model.guest.windows import DmaWindow, Node
from model.types import WRITE, Liobn, Pe, Span
from model.words import ceil_to, umax, umin, word
from proofs.case import Claim, assumption, implies, negate
from proofs.facts import MOST_MEMORY
from proofs.obligation import Scope, obligation
from proofs.partition import GuestCase, WatchedPort, WatchedTce

BASE = 1 << 59
"""Where PowerVM's windows begin."""
PAGE_SHIFTS_TRIED = (16, 34)
"""The kernel's page, and the largest: RAM blocks share I/O pages of 16 GiB."""


class RamCase(GuestCase):
    """A window with a direct part, any one of its TCEs and any one byte of memory, and a RAM block.

    has_ram: whether RAM that is online has a byte in the I/O page of the TCE. online: whether the byte is in such RAM.
    before, after: where the nearest other RAM below the block ends and above it begins.
    """

    def declare(self) -> None:
        """Declare all that, as it is before the event."""
        self.page_shift = self.choice("page_shift", PAGE_SHIFTS_TRIED)
        self.base, self.direct_pages = word(BASE), self.word("direct_pages")
        self.index, self.byte = self.word("index"), self.word("byte")
        self.online, self.has_ram = self.flag("online"), self.flag("has_ram")
        self.block = Span(self.word("start"), self.word("stop"))
        self.before, self.after = self.word("before"), self.word("after")
        self.tce = WatchedTce(self.flag("valid"), self.word("page"), self.flag("writable"))

    def start(self, rule_name: str) -> Kernel:
        """The guest before the event; `self.port` knows the TCE."""
        self.port = WatchedPort(self, self.tce, self.index, self.base, self.page_shift)
        kernel = self.guest(self.port, rule_name)
        size = self.direct_pages << self.page_shift
        self.window: Any = DmaWindow(1, self.base, self.page_shift, word(63), size, size)  # type: ignore[arg-type]
        kernel.windows = [self.window]
        kernel.neighbours = lambda block: (self.before, self.after)  # type: ignore[method-assign]
        return kernel

    @assumption
    def partition_is_real(self) -> Any:
        """RAM and the direct part lie within 2 PiB, and a block has a byte."""
        part = self.direct_pages <= word(MOST_MEMORY) >> self.page_shift
        return part & (self.block.start < self.block.stop) & (self.block.stop <= MOST_MEMORY)

    @assumption
    def neighbours_are_apart(self) -> Any:
        """Other RAM ends at or below the block or begins at or above its end, and none lies between it and the nearest."""
        apart = (self.before <= self.block.start) & (self.after >= self.block.stop)
        return apart & implies(
            self.online & negate(self.in_block), (self.byte < self.before) | (self.byte >= self.after)
        )

    @property
    def in_block(self) -> Any:
        """Whether the byte is one of the block's."""
        return (self.block.start <= self.byte) & (self.byte < self.block.stop)

    @property
    def of_page(self) -> Any:
        """Whether the byte lies in the I/O page."""
        return self.byte >> self.page_shift == self.index

    def touches_page(self, start: Any, stop: Any) -> Any:
        """Whether [start, stop) has a byte in the I/O page."""
        return (start >> self.page_shift <= self.index) & (self.index <= (umax(stop, 1) - 1) >> self.page_shift)

    # The clauses, of any state

    def reaches(self, tce: WatchedTce, online: Any) -> Any:
        """Each byte of online RAM that the direct part has room for is reached, read and write, at the base + its address."""
        below = self.byte >> self.page_shift < self.direct_pages
        return implies(online & below & self.of_page, tce.valid & tce.writable & (tce.page == self.index))

    def has_cause(self, tce: WatchedTce, has_ram: Any) -> Any:
        """A TCE is valid only if RAM that is online has a byte in its I/O page, and it lies in the direct part."""
        return implies(tce.valid, has_ram & (self.index < self.direct_pages))

    @assumption
    def ram_is_reached(self) -> Any:
        """Each byte of online RAM that the direct part has room for is reached."""
        return self.reaches(self.tce, self.online)

    @assumption
    def nothing_else_is_reached(self) -> Any:
        """A TCE is valid only if its I/O page is in the direct part and has a byte of online RAM."""
        return self.has_cause(self.tce, self.has_ram)

    @assumption
    def ram_is_as_near_as_said(self) -> Any:
        """Where the block has a byte in the I/O page, other RAM has one if the nearest below or above has."""
        return implies(self.touches_page(*self.block) & self.is_shared, self.has_ram)

    @assumption
    def index_is_in_the_window(self) -> Any:
        """The TCE is one of the window's."""
        return self.index < (word(1) << 63) >> self.page_shift

    @property
    def is_shared(self) -> Any:
        """Whether the nearest RAM below the block, or above it, has a byte in the I/O page."""
        below = (self.before > 0) & (self.index <= (umax(self.before, 1) - 1) >> self.page_shift)
        return below | (self.after >> self.page_shift <= self.index)

    @property
    def has_other_ram(self) -> Any:
        """Whether RAM that stays online when the block goes has a byte in the I/O page."""
        touches = self.touches_page(*self.block)
        return (touches & self.is_shared) | (negate(touches) & self.has_ram)


def read_only(kernel: Any, window: Any, start: Any, stop: Any) -> bool:
    """Wrong: RAM is mapped for reading alone."""
    kernel.put_each = lambda liobn, ioba, page_shift, first, count: tces.put_each(
        kernel, liobn, ioba, page_shift, first - WRITE, count
    )
    return enable.set_range(kernel, window, start, stop)


@obligation(
    supports="ram-covered", about=io_pages.pages_to_set, mutant=premap_rounds_down.whole_pages, scope=Scope.SEQUENCES
)
def ram_stays_reached_when_a_block_goes_online(c: RamCase) -> Claim:
    """Once a block is online, RAM that was and the block are reached as far as the direct part goes."""
    kernel = c.start("pages_to_set")
    kernel.memory_going_online(c.block)
    return c.claim(
        assume=[c.partition_is_real, c.ram_is_reached],
        cover={"RAM that comes": c.in_block & c.of_page, "RAM that was": c.online & c.of_page & negate(c.in_block)},
        goal=c.reaches(c.port.tce, c.online | c.in_block),
    )


@obligation(supports="ram-covered", about=enable.set_range, mutant=read_only, scope=Scope.SEQUENCES)
def ram_stays_reached_at_each_step_of_the_walk(c: RamCase) -> Claim:
    """While a new window is filled, all RAM walked over so far is reached, read and write, and with the last block all."""
    kernel = c.start("set_range")
    kernel.premap(c.window, c.block)
    return c.claim(
        assume=[c.partition_is_real, c.ram_is_reached],
        cover={"of this block": c.in_block & c.of_page},
        goal=c.reaches(c.port.tce, c.online | c.in_block),
    )


def all_of_the_direct_part(kernel: Any, window: Any, undo: Any) -> bool:
    """Wrong: maps the direct part as a whole, whatever RAM there is."""
    enable.list_and_premap(kernel, window, undo)
    return enable.set_range(kernel, window, word(0), window.direct_size)


@obligation(
    supports="direct-maps-only-ram",
    about=enable.list_and_premap,
    mutant=all_of_the_direct_part,
    scope=Scope.SEQUENCES,
)
def a_new_window_reaches_nothing_before_the_walk(c: RamCase) -> Claim:
    """The base of all sequences: a window that is new, and so holds no valid TCE, is listed without one."""
    c.tce = WatchedTce(False, word(0), False)
    kernel = c.start("list_and_premap")
    kernel.windows = []
    undo = ExitStack()
    kernel.list_and_premap(c.window, undo)
    undo.pop_all()
    return c.claim(
        assume=[c.partition_is_real],
        cover={"a TCE of the direct part": c.index < c.direct_pages},
        goal=negate(c.port.tce.valid) & (len(kernel.windows) == 1),
    )


@obligation(
    supports="no-write-outside",
    about=io_pages.clip,
    mutant=premap_ignores_region_end.no_clip,
    scope=Scope.SEQUENCES,
)
def nothing_but_ram_is_reached_when_a_block_goes_online(c: RamCase) -> Claim:
    """However far a block gets online, a TCE is valid only in the direct part and where RAM or the block has a byte."""
    kernel = c.start("clip")
    c.port.may_fail = True
    kernel.memory_going_online(c.block)
    has_ram = c.has_ram | c.touches_page(*c.block)
    return c.claim(
        assume=[c.partition_is_real, c.nothing_else_is_reached],
        cover={"mapped before it fails": c.port.tce.valid & negate(c.tce.valid)},
        goal=c.has_cause(c.port.tce, has_ram),
    )


def nothing_is_taken_back(kernel: Any, block: Any) -> None:
    """Wrong: what was mapped for a block that does not come stays."""


@obligation(
    supports="direct-maps-only-ram",
    about=hotplug.memory_cancel_online,
    mutant=nothing_is_taken_back,
    scope=Scope.SEQUENCES,
)
def nothing_but_ram_is_reached_after_a_cancelled_block(c: RamCase) -> Claim:
    """A block that fails at any TCE, or is refused by others, leaves no TCE valid but those that other RAM needs."""
    kernel = c.start("memory_cancel_online")
    mapped = c.flag("mapped") & c.touches_page(*c.block) & (c.index < c.direct_pages)
    c.port.tce = WatchedTce(c.tce.valid | mapped, c.tce.page, c.tce.writable)
    kernel.memory_cancel_online(c.block)
    return c.claim(
        assume=[c.partition_is_real, c.nothing_else_is_reached, c.ram_is_as_near_as_said],
        cover={"taken back": mapped & negate(c.port.tce.valid), "other RAM needs it": mapped & c.port.tce.valid},
        goal=c.has_cause(c.port.tce, c.has_ram),
    )


@obligation(
    supports="ram-covered",
    about=io_pages.pages_to_clear,
    mutant=offline_clears_shared_page.whatever_lies_around,
    scope=Scope.SEQUENCES,
)
def ram_stays_reached_when_a_block_goes_offline(c: RamCase) -> Claim:
    """When a block goes offline, or is cancelled on its way, all other RAM stays reached."""
    kernel = c.start("pages_to_clear")
    kernel.memory_offline(c.block)
    return c.claim(
        assume=[c.partition_is_real, c.neighbours_are_apart, c.ram_is_reached],
        cover={"RAM that shares an I/O page": c.online & c.of_page & c.touches_page(*c.block) & negate(c.in_block)},
        goal=c.reaches(c.port.tce, c.online & negate(c.in_block)),
    )


def whole_pages_only(start: Any, stop: Any, before: Any, after: Any, page_shift: Any) -> IoPages:
    """Wrong: keeps every I/O page that the block does not fill."""
    first, end = ceil_to(start, page_shift) >> page_shift, stop >> page_shift
    return IoPages(umin(first, end), end - umin(first, end))


@obligation(
    supports="direct-maps-only-ram", about=io_pages.pages_to_clear, mutant=whole_pages_only, scope=Scope.SEQUENCES
)
def nothing_but_ram_is_reached_when_a_block_goes_offline(c: RamCase) -> Claim:
    """When a block goes offline, a TCE stays valid only where other RAM that is online has a byte."""
    kernel = c.start("pages_to_clear")
    kernel.memory_offline(c.block)
    return c.claim(
        assume=[c.partition_is_real, c.nothing_else_is_reached],
        cover={"it goes": c.tce.valid & negate(c.port.tce.valid), "it stays": c.port.tce.valid},
        goal=c.has_cause(c.port.tce, c.has_other_ram),
    )


def not_undone(kernel: Any, window: Any, undo: Any) -> None:
    """Wrong: as in Linux where there is no memory for the table, what was mapped stays."""


def one_entry_left(kernel: Any, window: Any, undo: Any) -> None:
    """Wrong: takes the number of entries for the last one."""
    entries = window.direct_size >> window.page_shift
    entries = entries - umin(entries, 1)
    undo.callback(kernel.clear_range, window.liobn, window.base, window.page_shift, entries)


@obligation(
    supports="window-empty-at-removal",
    about=enable.undo_premap,
    mutant=(not_undone, one_entry_left),
    scope=Scope.SEQUENCES,
)
def a_window_that_fails_is_empty_when_it_is_removed(c: RamCase) -> Claim:
    """Whatever fails while a window is opened, behind any TCE of the walk, it holds no valid one when it is removed."""
    kernel = c.start("undo_premap")
    node = Node(Pe(0, 0), (1, 2, 3), (), None, None)
    with ExitStack() as undo:
        undo.callback(kernel.remove_window, node, Liobn(1))
        kernel.undo_premap(c.window, undo)
    return c.claim(
        assume=[c.partition_is_real, c.nothing_else_is_reached],
        cover={"it was mapped": c.tce.valid},
        goal=negate(c.port.removed[0].valid),
    )


def direct_part_alone(kernel: Any, node: Any) -> None:
    """Wrong: clears the direct part, and leaves what drivers have mapped."""
    window = node.window
    kernel.clear_range(window.liobn, window.base, window.page_shift, window.direct_size >> window.page_shift)
    kernel.remove_window(node, window.liobn)


@obligation(
    supports="window-empty-at-removal", about=devices.forget_node, mutant=direct_part_alone, scope=Scope.SEQUENCES
)
def a_window_is_empty_when_its_node_goes(c: RamCase) -> Claim:
    """Whatever a window holds in either part, it holds no valid TCE when it is removed with its node."""
    kernel = c.start("forget_node")
    node = Node(Pe(0, 0), (1, 2, 3), (), None, None, window=c.window)
    kernel.forget_node(node)
    return c.claim(
        assume=[c.partition_is_real, c.index_is_in_the_window],
        cover={
            "a driver's": c.tce.valid & (c.index >= c.direct_pages),
            "RAM": c.tce.valid & (c.index < c.direct_pages),
        },
        goal=negate(c.port.removed[0].valid) & (len(kernel.windows) == 0),
    )
