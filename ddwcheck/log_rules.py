# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line about DDW can break by itself or beside its neighbours, whatever the size of RAM.

LoPAR 7.3.27.1 (query), 7.3.27.2 (create), 7.3.27.3 (remove), 7.3.27.4 (reset); Linux: query_ddw(), create_ddw(),
enable_ddw().
"""

from collections.abc import Iterator
from typing import NamedTuple

from ddwcheck import sizes
from ddwcheck.log_devices import Attempt
from ddwcheck.log_lines import DEFAULT_REMOVED, CannotMap, Create, Created, Fact, Line, Query, Remove, Reset, Summary
from model.calls import RtasStatus
from model.guest.sizing import PAGE_SHIFT_OF_BIT


class Broken(NamedTuple):
    """A rule that a line breaks."""

    line: int
    message: str


STATUSES = {
    Query: ("ibm,query-pe-dma-window", (0, -1, -3), "LoPAR table 129"),
    Create: ("ibm,create-pe-dma-window", (0, -1, -2, -3, *range(9900, 9906)), "LoPAR table 130"),
    Remove: ("ibm,remove-pe-dma-window", (0, -1, -3), "LoPAR 7.3.27.3"),
    Reset: ("ibm,reset-pe-dma-windows", (0, -1, -2, -3), "LoPAR table 133"),
}
"""The statuses that each call has."""


ENDS_CREATE = (RtasStatus.SUCCESS, RtasStatus.HARDWARE, RtasStatus.PARAMETER)
"""Statuses that end create_ddw()'s loop."""


def status(line: Line) -> Iterator[Broken]:
    """A status that is not the call's, or one that the kernel never lets through."""
    fact = line.fact
    if not isinstance(fact, Query | Create | Remove | Reset):
        return
    call, statuses, source = STATUSES[type(fact)]
    if fact.status not in statuses:
        yield Broken(line.number, f"status {fact.status} is none of {call} ({source})")
    elif isinstance(fact, Create) and RtasStatus(fact.status) not in ENDS_CREATE:
        # Its only way out of the loop, giving up after 1000 delays, ends before any driver is probed.
        yield Broken(line.number, f"create ended with status {fact.status}; create_ddw() asks again while it is busy")


def address(line: Line) -> Iterator[Broken]:
    """A configuration address that is not the device's. Linux: query_ddw(), bus << 16 | devfn << 8."""
    fact = line.fact
    if line.pci is None or not isinstance(fact, Query | Create | Reset):
        return
    _, bus, rest = line.pci.split(":")
    slot, function = rest.split(".")
    expected = int(bus, 16) << 16 | (int(slot, 16) << 3 | int(function)) << 8
    if fact.config_addr != expected:
        yield Broken(line.number, f"config_addr {fact.config_addr:#x} is not that of {line.pci}, {expected:#x}")


def neighbours(attempt: Attempt) -> Iterator[Broken]:
    """Lines of one try that contradict each other, or LoPAR."""
    create, query = attempt.one(Create), attempt.one(Query)
    if create is not None and create.status == 0:
        yield from (Broken(attempt.where(create), message) for message in _must_fail(create, query, attempt))
        yield from (Broken(attempt.where(create), message) for message in _bad_window(create))
    for made in attempt.all(Created):
        yield from _at(attempt, made, _wrong_table(made, create))
    for unfit in attempt.all(CannotMap):
        yield from _at(attempt, unfit, _wrong_sizes(unfit, create, query))
    for summary in attempt.all(Summary):
        if summary.enabled and not summary.required:
            yield from _at(attempt, summary, "limited addressing was enabled though not required (enable_ddw())")
        elif summary.required and not summary.enabled and create is not None:
            yield from _at(attempt, summary, "a window was created though limited addressing was not enabled")
    windows = [q.windows for q in attempt.all(Query)]
    if attempt.notes(DEFAULT_REMOVED) and windows and None not in windows and 0 not in windows:
        number = next(line.number for line in attempt.lines if line.fact == (DEFAULT_REMOVED,))
        yield Broken(number, "the default window was removed though query offered a window (enable_ddw())")


def _at(attempt: Attempt, fact: Fact, message: str | None) -> Iterator[Broken]:
    if message is not None:
        yield Broken(attempt.where(fact), message)


def _must_fail(create: Create, query: Query | None, attempt: Attempt) -> Iterator[str]:
    """Why LoPAR 7.3.27.2 lets no such create succeed."""
    unfit = attempt.one(CannotMap)
    block = query.block if query and query.block is not None else unfit.block if unfit else None
    pages = query.pages if query else None
    known = PAGE_SHIFT_OF_BIT if pages is None else [s for b, s in enumerate(PAGE_SHIFT_OF_BIT) if pages >> b & 1]
    must_fail = "logged as success, but must fail (LoPAR 7.3.27.2)"
    if create.page_shift not in known:
        offered = "is none of DDW's" if pages is None else f"is not in query's mask {pages:#x}"
        yield f"create with page shift {create.page_shift:#x}, which {offered}: {must_fail}"
    if create.window_shift < create.page_shift:
        yield f"create of 2^{create.window_shift} bytes, less than one page of 2^{create.page_shift}: {must_fail}"
    elif create.window_shift > 63:
        yield f"create of 2^{create.window_shift} bytes, beyond 64 bits: {must_fail}"
    elif block is not None and 1 << (create.window_shift - create.page_shift) > block:
        entries = 1 << (create.window_shift - create.page_shift)
        yield f"create takes {entries:#x} TCEs, query offers blocks of {block:#x}: {must_fail}"


def _bad_window(create: Create) -> Iterator[str]:
    """Why no kernel could use a window there (`window_is_usable` of the model, LoPAR is silent: A6)."""
    if create.page_shift < 64 and create.base % (1 << create.page_shift):
        yield f"the window's address {create.base:#x} is inside an I/O page of 2^{create.page_shift} bytes"
    elif create.window_shift < 64 and create.base + (1 << create.window_shift) > 1 << 64:
        yield f"the window at {create.base:#x} of 2^{create.window_shift} bytes ends beyond 64 bits"


def _wrong_table(made: Created, create: Create | None) -> str | None:
    if create is None:
        return None
    if create.status != 0:
        return f"a table of LIOBN {made.liobn:#x} though create failed with status {create.status}"
    if made.liobn != create.liobn:
        return f"the table's LIOBN is {made.liobn:#x}, create answered {create.liobn:#x}"
    return None


def _wrong_sizes(unfit: CannotMap, create: Create | None, query: Query | None) -> str | None:
    if unfit.ram.bit_count() != 1 or unfit.page.bit_count() != 1:
        return "partition maximum and page size are powers of two (enable_ddw())"
    if create is not None and unfit.page.bit_length() - 1 != create.page_shift:
        return f"{unfit.page}-sized pages, but create asks for {sizes.page(create.page_shift)}"
    if query is not None and query.block is not None and unfit.block != query.block:
        return f"a block of {unfit.block:#x} pages, but query offers {query.block:#x}"
    return None
