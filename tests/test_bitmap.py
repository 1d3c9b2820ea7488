# SPDX-License-Identifier: GPL-2.0-or-later
"""The allocator's map against a list of bools, and what an allocation never does."""

from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from model.calls import Hcall, HcallAnswer, HcallStatus, RtasAnswer, RtasCall, TceRun
from model.guest.allocator import allocate_entries
from model.guest.bitmap import EntryMap
from model.guest.kernel import Kernel
from model.guest.table import Table, init_table
from model.interfaces import Port
from model.locks import Lock
from model.profiles import simple_lpar
from model.types import GIB, BusAddress, Liobn, PageShift, Span

SIZE = 96
HOW = settings(max_examples=400, deadline=None, derandomize=True, database=None)
CALM = settings(HOW, max_examples=150)
changes = st.lists(st.tuples(st.booleans(), st.integers(0, SIZE), st.integers(0, 24)), max_size=25)


def both(steps: list[tuple[bool, int, int]]) -> tuple[EntryMap, list[bool]]:
    """The map and a list of bools after the same takes and frees."""
    taken, naive = EntryMap(), [False] * (SIZE * 4)
    for take, start, count in steps:
        (taken.take if take else taken.free)(start, count)
        naive[start : start + count] = [take] * count
    return taken, naive


@HOW
@given(changes)
def test_map_holds_what_was_taken_and_not_freed(steps: list[tuple[bool, int, int]]) -> None:
    taken, naive = both(steps)
    held = {entry for span in taken.spans() for entry in range(span.start, span.stop)}
    assert held == {entry for entry, bit in enumerate(naive) if bit}


@HOW
@given(changes)
def test_map_lists_disjoint_ranges_in_order(steps: list[tuple[bool, int, int]]) -> None:
    spans = list(both(steps)[0].spans())
    assert all(span.start < span.stop for span in spans)
    assert all(one.stop <= other.start for one, other in pairwise(spans))


@HOW
@given(changes, st.integers(0, SIZE), st.integers(1, 20), st.sampled_from((1, 2, 8, 16)), st.integers(0, 20))
def test_free_area_is_the_first_aligned_one(
    steps: list[tuple[bool, int, int]], start: int, count: int, align: int, offset: int
) -> None:
    taken, naive = both(steps)
    fits = (k for k in range(start, len(naive)) if (k + offset) % align == 0 and not any(naive[k : k + count]))
    assert taken.free_area(start, count, align, offset) == next(fits)


class Yes(Port):
    """A port on which every allocation of memory succeeds, and so does every hypercall."""

    @property
    def watched(self) -> bool:
        return False

    def allocate(self, what: str, sleeps: bool = False) -> bool:
        return True

    def rtas(self, call: RtasCall) -> RtasAnswer:
        raise NotImplementedError

    def hcall(self, call: Hcall) -> HcallAnswer:
        return HcallAnswer(HcallStatus.SUCCESS, done=len(call) if isinstance(call, TceRun) else 1)

    def locked(self, lock: Lock) -> AbstractContextManager[None]:
        return nullcontext()


KERNEL = Kernel(simple_lpar(GIB), Yes())
requests = st.lists(
    st.tuples(st.sampled_from((1, 2, 15, 16, 40, 512)), st.sampled_from((1, 16)), st.integers(0, 7), st.integers(0, 3)),
    min_size=1, max_size=20,
)  # fmt: skip
bases = st.sampled_from((0, 3 * GIB, 4 * GIB - (64 << 16), 1 << 59))
shifts = st.sampled_from((12, 16, 21))
sizes = st.sampled_from((40, 256, 4096, 20000))


def table_at(base: int, shift: int, entries: int) -> Table:
    """An empty table of that many entries at a bus address."""
    base = base >> shift << shift
    span = Span(BusAddress(base), BusAddress(base + (entries << shift)))
    table = Table(Liobn(1), span, PageShift(shift), span.start)
    assert init_table(KERNEL, table, None)
    return table


def served(table: Table, mask: int, wanted: list[tuple[int, int, int, int]]) -> list[Span[int]]:
    """The ranges that a series of requests got; each fourth one is freed at once."""
    got = []
    for count, align, cpu, fate in wanted:
        entry = allocate_entries(KERNEL, table, count, mask, align, cpu)
        if entry is not None and fate == 0:
            table.taken.free(entry, count)
        elif entry is not None:
            assert (table.offset + entry) % align == 0
            got.append(Span(entry, entry + count))
    return got


EVERYWHERE = (1 << 64) - 1


@CALM
@given(bases, shifts, sizes, requests)
def test_allocations_never_overlap(base: int, shift: int, size: int, wanted: list[tuple[int, int, int, int]]) -> None:
    table = table_at(base, shift, size)
    reserved = list(table.taken.spans())
    got = sorted([*served(table, EVERYWHERE >> shift, wanted), *reserved])
    assert all(one.stop <= other.start for one, other in pairwise(got))


@CALM
@given(bases, shifts, sizes, requests)
def test_allocations_never_cross_a_4_gib_boundary(
    base: int, shift: int, size: int, wanted: list[tuple[int, int, int, int]]
) -> None:
    table = table_at(base, shift, size)
    for span in served(table, EVERYWHERE >> shift, wanted):
        assert table.address(span.start) >> 32 == table.address(span.stop - 1) >> 32


@CALM
@given(bases, shifts, sizes, requests, st.integers(0, 20000))
def test_allocations_stay_within_mask_and_table(
    base: int, shift: int, size: int, wanted: list[tuple[int, int, int, int]], reach: int
) -> None:
    table = table_at(base, shift, size)
    mask = table.offset + reach
    for span in served(table, mask, wanted):
        assert span.stop <= table.entries and table.offset + span.stop - 1 <= mask


@CALM
@given(bases, shifts, sizes, requests)
def test_allocations_lie_in_one_pool_where_the_mask_cuts_none(
    base: int, shift: int, size: int, wanted: list[tuple[int, int, int, int]]
) -> None:
    table = table_at(base, shift, size)
    pools = [Span(pool.start, pool.stop) for pool in (*table.pools, table.large)]
    for span in served(table, EVERYWHERE >> shift, wanted):
        assert sum(pool.covers(span) for pool in pools) == 1


def test_first_small_allocation_comes_from_the_pool_of_its_cpu() -> None:
    table = table_at(1 << 59, 16, 1 << 16)
    for cpu, pool in enumerate(table.pools):
        assert allocate_entries(KERNEL, table, 1, EVERYWHERE >> 16, 1, cpu) == pool.start


def test_first_large_allocation_comes_from_the_large_pool() -> None:
    table = table_at(1 << 59, 16, 1 << 16)
    assert allocate_entries(KERNEL, table, 16, EVERYWHERE >> 16, 1, 0) == table.large.start


def test_nothing_is_allocated_for_no_entries_or_more_than_4_gib() -> None:
    table = table_at(1 << 59, 16, 1 << 18)
    assert allocate_entries(KERNEL, table, 0, EVERYWHERE >> 16, 1, 0) is None
    assert allocate_entries(KERNEL, table, (1 << 16) + 1, EVERYWHERE >> 16, 1, 0) is None
