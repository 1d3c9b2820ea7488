# SPDX-License-Identifier: GPL-2.0-or-later
"""When a wrong rule is wrong: for some defects, exactly on which inputs, proved for all of them. Reports quote it.

Each is a theorem about the wrong rule, which the right one must refute; tests/test_conditions.py proves them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from model.defects import mmio_end_is_exclusive, premap_rounds_down, unmap_by_offset_alone
from model.guest import io_pages, pools, routing
from model.words import Word, word
from proofs.case import Case, Claim, assumption, implies, negate
from proofs.facts import HALF_OF_THE_BUS, MOST_MEMORY, PAGE_SHIFTS
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
}  # fmt: skip
"""By the id of the defect."""


def condition_of(defects: list[str]) -> str:
    """The general condition under which a finding with these defects behind it fails, "" where no proof gives one."""
    found = [CONDITIONS[name].text for name in defects if name in CONDITIONS]
    return f"{found[0]}: proved of the rule for all inputs" if len(defects) == len(found) == 1 else ""
