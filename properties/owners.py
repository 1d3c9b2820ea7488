# SPDX-License-Identifier: GPL-2.0-or-later
"""What user space does with a PE that it owns, drawn as plans: the events follow from what there is when they come."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import product

from model.events import (
    CreateTable,
    Event,
    MapUser,
    ReleaseOwnership,
    SetWindow,
    UnmapUser,
    UnsetWindow,
)
from model.interfaces import WindowView
from model.run import Run
from model.types import KIB, MIB, BusAddress, Direction, PhysAddr, Span
from properties.strategies import PAGE_SHIFTS

DEFAULT_PAGE_SHIFT = 12


class Act(StrEnum):
    """One thing that user space does."""

    DEFAULT = "a table as large as the default window"
    PART = "a table on part of it"
    ANOTHER = "a table on a window of its own"
    MOST = "one as large as was offered"
    TOO_LARGE = "one larger than was offered"
    STRANGE_PAGE = "one in pages that were not offered"
    ODD = "one whose size is no power of two"
    LEVELS = "one of two levels"
    MAP = "memory is mapped"
    AGAIN = "some more is"
    SKEW = "part of an I/O page is, or one beyond the table"
    UNMAP = "a mapping ends"
    JOIN = "the group joins another's container"
    UNSET = "the first table is given back"
    GIVE_BACK = "all tables are given back, and the PE"


Plan = tuple[Act, ...]
FIRST: tuple[Plan, ...] = (
    (Act.DEFAULT, Act.MAP), (Act.DEFAULT,), (Act.PART, Act.MAP, Act.SKEW), (Act.ANOTHER, Act.MAP, Act.AGAIN),
    (Act.MOST, Act.MAP), (Act.TOO_LARGE,), (Act.STRANGE_PAGE,), (Act.ODD,), (Act.LEVELS,),
)  # fmt: skip
SECOND: tuple[Plan, ...] = (
    (), (Act.ANOTHER, Act.MAP, Act.UNMAP), (Act.MOST, Act.MAP, Act.AGAIN), (Act.DEFAULT, Act.JOIN),
    (Act.UNSET, Act.DEFAULT, Act.MAP), (Act.ANOTHER, Act.UNSET, Act.DEFAULT), (Act.UNMAP, Act.UNSET, Act.MOST, Act.MAP),
    (Act.JOIN,),
)  # fmt: skip
PLANS: tuple[Plan, ...] = tuple(
    (*first, *second, *end) for first, second, end in product(FIRST, SECOND, ((Act.GIVE_BACK,), (Act.GIVE_BACK,), ()))
)
"""Two in three give the PE back."""


def events(run: Run, device: int, plan: Sequence[Act], which: int) -> Iterator[Event]:
    """The events of a plan, one by one, each from what the run has come to. which: picks sizes, places and memory."""
    for number, act in enumerate(plan):
        tables = run.ledger.owned.get(run.lpar.functions[device])
        if tables is None:
            return
        if act in (Act.MAP, Act.AGAIN, Act.SKEW):
            yield from _mapping(run, device, act, which + number)
        elif act is Act.UNMAP:
            mine = [n for n, m in run.ledger.mappings.items() if isinstance(m.asked, MapUser)]
            yield from (UnmapUser(n) for n in mine[:1])
        elif act is Act.UNSET:
            yield from (UnsetWindow(device, n) for n in list(tables)[:1])
        elif act is Act.JOIN:
            others = [other for other in sorted(run.attached) if run.ledger.owned.get(run.lpar.functions[other])]
            yield from (SetWindow(device, n, other) for other in others for n in range(2))
        elif act is Act.GIVE_BACK:
            yield from (UnsetWindow(device, n) for n in list(tables))
            yield ReleaseOwnership(device)
        else:
            free = next(n for n in range(3) if n not in tables)
            yield _request(run, device, free, act, which)
            yield SetWindow(device, free, device)


def _request(run: Run, device: int, number: int, act: Act, which: int) -> CreateTable:
    size, pages, block = run.profile.default.size, run.profile.pages, run.profile.block
    if act in (Act.DEFAULT, Act.PART):
        return CreateTable(device, number, DEFAULT_PAGE_SHIFT, size if act is Act.DEFAULT else size >> 1 + which % 3)
    if act is Act.ODD:
        return CreateTable(device, number, DEFAULT_PAGE_SHIFT, size - 4 * KIB if which % 2 else 2 * KIB)
    if act is Act.LEVELS:
        return CreateTable(device, number, DEFAULT_PAGE_SHIFT, size, 2)
    known = [(bool(pages >> bit & 1), shift) for bit, shift in enumerate(PAGE_SHIFTS)]
    wanted = [shift for offered, shift in known if offered is not (act is Act.STRANGE_PAGE)] or [16]
    shift = wanted[which % len(wanted)]
    most = max(block, 1).bit_length() - 1 + shift
    fitting = {Act.MOST: most, Act.TOO_LARGE: most + 1}.get(act, min(most, 34 + which % 3))
    return CreateTable(device, number, shift, 1 << min(max(fitting, shift), 63))


def _mapping(run: Run, device: int, act: Act, which: int) -> Iterator[MapUser]:
    """Memory to map through the newest table; none where there is no range of whole I/O pages."""
    pe = run.lpar.functions[device]
    ready = [number for number, is_set in run.ledger.owned.get(pe, {}).items() if is_set]
    view = run.guest.view(device)
    if not ready or view is None or not view.tables:
        return
    table = view.tables[-1]
    window = next((w for w in run.hypervisor.windows(run.pe(device)) if w.liobn == table.liobn), None)
    memory = [*run.ledger.vpmem, *run.ledger.online]
    span = _whole_pages(memory, window, which) if window is not None else None
    if window is None or span is None:
        return
    page, room = 1 << window.page_shift, table.span.size
    places = (table.span.start, table.span.stop - span.size, table.span.start + page, table.span.start + room // 2)
    iova = BusAddress(max(table.span.start, places[which % 4]) // page * page)
    if act is Act.SKEW:
        iova = BusAddress(table.span.stop) if which % 2 else iova
        span = Span(span.start, PhysAddr(span.stop - (0 if which % 2 else 2 * KIB)))
    yield MapUser(device, ready[-1], iova, span, tuple(Direction)[which % 3])


def _whole_pages(memory: Sequence[Span[PhysAddr]], window: WindowView, which: int) -> Span[PhysAddr] | None:
    """A range of whole I/O pages of a window in memory, mostly of a few, seldom of more than one call takes."""
    page = 1 << window.page_shift
    whole = [(-(-m.start // page) * page, m.stop // page * page) for m in memory]
    there = [(start, stop) for start, stop in whole if start < stop]
    if not there:
        return None
    start, stop = there[which % len(there)]
    size = min(stop - start, (1, 2, 3, 600)[which % 4] * page, max(page, 4 * MIB if which % 2 else page))
    return Span(PhysAddr(start), PhysAddr(start + size))
