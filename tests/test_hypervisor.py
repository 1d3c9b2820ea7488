# SPDX-License-Identifier: GPL-2.0-or-later
"""LoPAR's rules, one sentence each, on the reference hypervisor."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from model.calls import (
    GetTce,
    HcallAnswer,
    HcallStatus,
    PutTce,
    PutTceIndirect,
    RtasAnswer,
    RtasCall,
    RtasStatus,
    StuffTce,
    TceRun,
)
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.interfaces import Reach
from model.profiles import (
    POWERVM_DEDICATED,
    POWERVM_SRIOV_LIMITED,
    RESET_TOKEN,
    Choices,
    DirtyRemoval,
    LiobnOf,
    MultiTce,
    Outputs,
    Oversize,
    Ownership,
    Placement,
    Profile,
    ReservedBits,
    Unaligned,
    WideBlock,
)
from model.types import GIB, KIB, MIB, BusAddress, Liobn, Pe, PhysAddr, Span, Tce

PE, SISTER, STRANGER = Pe(0x280000, 0x20000524), Pe(0x290000, 0x20000524), Pe(0x300000, 0x20000999)
QUERY, CREATE, REMOVE = POWERVM_DEDICATED.tokens
RAM = Span(PhysAddr(0), PhysAddr(GIB))
PAGE = 64 * KIB
PARAMETER, SUCCESS = RtasStatus.PARAMETER, RtasStatus.SUCCESS
JUNK = 0xFFFFFFFF


def papr(multi_tce: MultiTce = MultiTce.BOTH, choices: Choices | None = None, **changes: Any) -> Papr:
    """A platform with two PEs below one PHB and 1 GiB of RAM; room for three windows unless told otherwise."""
    profile = replace(POWERVM_DEDICATED, **{"windows": 3, "choices": choices or Choices(), **changes})
    platform = Papr(profile, (PE, SISTER), multi_tce)
    platform.assign_memory(RAM)
    return platform


def query(platform: Papr, nret: int = 6, pe: Pe = PE) -> RtasAnswer:
    return platform.rtas(RtasCall(QUERY, pe.cells, nret))


def create(platform: Papr, page_shift: int = 16, window_shift: int = 30, pe: Pe = PE) -> RtasAnswer:
    return platform.rtas(RtasCall(CREATE, (*pe.cells, page_shift, window_shift), 4))


def remove(platform: Papr, liobn: int) -> RtasStatus:
    return platform.rtas(RtasCall(REMOVE, (liobn,), 1)).status


def reset(platform: Papr, *limited: int, pe: Pe = PE) -> RtasStatus:
    return platform.rtas(RtasCall(RESET_TOKEN, (*pe.cells, *limited), 1)).status


def new_window(platform: Papr, page_shift: int = 16, window_shift: int = 30, pe: Pe = PE) -> Window:
    """Create a window that must succeed."""
    answer = create(platform, page_shift, window_shift, pe)
    assert answer.status is SUCCESS
    return next(w for w in platform.windows(pe) if w.liobn == answer.outputs[0])


def default_of(platform: Papr, pe: Pe = PE) -> Liobn:
    return platform.endpoints[pe].default.liobn


def liobns(platform: Papr, pe: Pe = PE) -> set[Liobn]:
    return {window.liobn for window in platform.windows(pe)}


def put(platform: Papr, window: Window, entry: int = 0, tce: int = 3) -> HcallStatus:
    ioba = BusAddress(window.base + (entry << window.page_shift))
    return platform.hcall(PutTce(window.liobn, ioba, Tce(tce))).status


def get(platform: Papr, window: Window, entry: int = 0) -> HcallAnswer:
    return platform.hcall(GetTce(window.liobn, BusAddress(window.base + (entry << window.page_shift))))


def stuff(platform: Papr, window: Window, count: int, tce: int = 3, entry: int = 0) -> HcallStatus:
    ioba = BusAddress(window.base + (entry << window.page_shift))
    return platform.hcall(StuffTce(window.liobn, ioba, Tce(tce), count)).status


def indirect(platform: Papr, window: Window, tces: list[int], entry: int = 0, list_addr: int = 0) -> HcallStatus:
    ioba = BusAddress(window.base + (entry << window.page_shift))
    return platform.hcall(PutTceIndirect(window.liobn, ioba, [Tce(t) for t in tces], list_addr)).status


def foreign(window: Window) -> Window:
    """The same window under a LIOBN that is not the partition's."""
    return replace(window, liobn=Liobn(0x1234))


# 7.3.27.1 query


def test_query_with_six_outputs_splits_the_block_into_two_cells() -> None:
    """LoPAR table 129, R1-7.3.27.1-1."""
    answer = query(papr(block=0x3_00000002))
    assert answer.outputs == (2, 3, 2, 0x103, 0)


def test_query_with_five_outputs_has_one_cell_for_the_block() -> None:
    """LoPAR table 129, R1-7.3.27.1-1."""
    assert query(papr(), 5).outputs == (2, 0x1000000, 0x103, 0)


@pytest.mark.parametrize(("wide", "cell"), [(WideBlock.SATURATE, 0xFFFFFFFF), (WideBlock.TRUNCATE, 2)])
def test_five_outputs_saturate_or_truncate_a_wide_block(wide: WideBlock, cell: int) -> None:
    """A1: LoPAR 7.3.27.1 does not say which."""
    assert query(papr(block=0x3_00000002, choices=Choices(wide_block=wide)), 5).outputs[1] == cell


def test_six_outputs_are_refused_where_the_extension_is_absent() -> None:
    """LoPAR 7.3.27.1, table 132 index 3."""
    assert query(papr(query_outputs=5), 6).status is PARAMETER


@pytest.mark.parametrize("call", [
    RtasCall(QUERY, PE.cells, 4), RtasCall(QUERY, PE.cells, 7), RtasCall(QUERY, PE.cells[:2], 6),
    RtasCall(QUERY, (*PE.cells, 0), 6), RtasCall(QUERY, STRANGER.cells, 6), RtasCall(0x77, PE.cells, 6),
])  # fmt: skip
def test_call_of_wrong_arity_pe_or_token_is_a_parameter_error(call: RtasCall) -> None:
    """R1-14.6-4: under LPAR the hypervisor validates arguments."""
    assert papr().rtas(call).status is PARAMETER


@pytest.mark.parametrize("outputs", Outputs)
def test_outputs_of_a_failed_call_mean_nothing_but_are_all_there(outputs: Outputs) -> None:
    """A4."""
    answer = query(papr(choices=Choices(failed_outputs=outputs)), 6, STRANGER)
    assert answer == RtasAnswer(PARAMETER, (outputs.value,) * 5)


def test_windows_available_falls_with_each_create() -> None:
    """LoPAR 7.3.27.1: how many more windows can be created now."""
    platform = papr()
    seen = [query(platform).outputs[0]]
    for _ in range(2):
        create(platform)
        seen.append(query(platform).outputs[0])
    assert seen == [2, 1, 0]


def test_removing_the_default_makes_a_window_available() -> None:
    """LoPAR 7.3.27.1: if 0 with the default present, removing the default yields at least 1."""
    platform = papr(windows=1)
    assert query(platform).outputs[0] == 0
    assert remove(platform, default_of(platform)) is SUCCESS
    assert query(platform).outputs[0] == 1


# 7.3.27.2 create


def test_created_window_has_the_asked_page_and_size() -> None:
    """R1-7.3.27.2-2."""
    platform = papr()
    answer = create(platform, 21, 34)
    window = platform.windows(PE)[-1]
    assert answer.outputs == (window.liobn, window.base >> 32, window.base & 0xFFFFFFFF)
    assert (window.page_shift, window.span.size) == (21, 1 << 34)


@pytest.mark.parametrize("args", [
    (*STRANGER.cells, 16, 30), (*PE.cells, 16), (*PE.cells, 16, 30, 0), (), (*PE.cells, 24, 30), (*PE.cells, 0, 30),
    (*PE.cells, 11, 30), (*PE.cells, 16, 15), (*PE.cells, 16, 64), (*PE.cells, 16, 41),
])  # fmt: skip
def test_refused_create_leaves_no_window(args: tuple[int, ...]) -> None:
    """Wrong PE, arity, page size not offered, window below a page, above 2^63, beyond the block: R1-7.3.27.2-2, A4."""
    platform = papr()
    assert platform.rtas(RtasCall(CREATE, args, 4)).status is PARAMETER
    assert liobns(platform) == {default_of(platform)}


@pytest.mark.parametrize("nret", [0, 3, 5])
def test_create_with_a_wrong_number_of_outputs_leaves_no_window(nret: int) -> None:
    """LoPAR table 130."""
    platform = papr()
    assert platform.rtas(RtasCall(CREATE, (*PE.cells, 16, 30), nret)).status is PARAMETER
    assert len(platform.windows(PE)) == 1


@pytest.mark.parametrize("oversize", Oversize)
def test_create_of_one_window_too_many_fails(oversize: Oversize) -> None:
    """LoPAR 7.3.27.2 note, A3."""
    platform = papr(windows=1, choices=Choices(oversize=oversize))
    assert create(platform).status == oversize.value
    assert len(platform.windows(PE)) == 1


@pytest.mark.parametrize("oversize", Oversize)
def test_create_of_a_window_beyond_the_block_fails(oversize: Oversize) -> None:
    """LoPAR 7.3.27.2 note, A3; a block need not be a power of two."""
    platform = papr(block=0x17FF, choices=Choices(oversize=oversize))
    assert create(platform, 16, 29).status == oversize.value
    assert create(platform, 16, 28).status is SUCCESS


def test_packed_window_starts_where_the_last_one_ended() -> None:
    """A6."""
    platform = papr()
    first, second = new_window(platform, 16, 28), new_window(platform, 16, 30)
    assert (first.base, second.base) == (1 << 59, first.span.stop)


def test_aligned_window_starts_at_a_multiple_of_its_size() -> None:
    """A6."""
    platform = papr(choices=Choices(placement=Placement.ALIGNED))
    first, second = new_window(platform, 16, 28), new_window(platform, 16, 30)
    assert (first.base, second.base) == (1 << 59, (1 << 59) + (1 << 30))


def test_packed_window_starts_at_a_multiple_of_its_page() -> None:
    """A6: a window of small pages before it must not shift its pages."""
    platform = papr()
    new_window(platform, 12, 13)
    assert new_window(platform, 21, 30).base % (2 * MIB) == 0


@pytest.mark.parametrize("placement", Placement)
def test_windows_below_one_phb_never_overlap(placement: Placement) -> None:
    """R1-5.1-3, R2-3.2.2.2-5."""
    platform = papr(windows=9, choices=Choices(placement=placement))
    for k in range(8):
        new_window(platform, 16, 20 + k * 3 % 7, (PE, SISTER)[k % 2])
    spans = sorted(w.span for pe in (PE, SISTER) for w in platform.windows(pe) if w.liobn != default_of(platform, pe))
    assert all(one.stop <= other.start for one, other in pairwise(spans))


def test_freed_bus_range_is_used_again() -> None:
    """A6."""
    platform = papr()
    first = new_window(platform)
    new_window(platform)
    remove(platform, first.liobn)
    assert new_window(platform).base == first.base


@pytest.mark.parametrize(("window_shift", "status"), [(32, SUCCESS), (33, PARAMETER)])
def test_window_ends_at_most_at_the_end_of_64_bits(window_shift: int, status: RtasStatus) -> None:
    """A3, A6."""
    platform = papr(dma64=BusAddress((1 << 64) - (1 << 32)))
    assert create(platform, 16, window_shift).status is status


def test_fresh_liobn_is_never_used_twice() -> None:
    """A6."""
    platform = papr()
    seen = []
    for _ in range(3):
        seen.append(new_window(platform).liobn)
        remove(platform, seen[-1])
    assert len(set(seen)) == 3


def test_recycled_liobn_is_the_lowest_free_one() -> None:
    """A6."""
    platform = papr(choices=Choices(liobn=LiobnOf.RECYCLED))
    first, second = new_window(platform).liobn, new_window(platform).liobn
    remove(platform, first)
    assert (new_window(platform).liobn, second) == (first, first + 1)


# 7.3.27.3 remove


def test_removing_the_last_created_window_restores_a_removed_default() -> None:
    """R1-7.3.27.3-3, -4."""
    platform = papr()
    before = platform.windows(PE)[0].span
    window = new_window(platform)
    remove(platform, default_of(platform))
    assert remove(platform, window.liobn) is SUCCESS
    assert [(w.liobn, w.span) for w in platform.windows(PE)] == [(default_of(platform), before)]


def test_removing_one_of_two_created_windows_restores_nothing() -> None:
    """R1-7.3.27.3-3: only when the last one goes."""
    platform = papr()
    first, second = new_window(platform), new_window(platform)
    remove(platform, default_of(platform))
    remove(platform, first.liobn)
    assert liobns(platform) == {second.liobn}


def test_removing_the_default_as_the_last_window_restores_nothing() -> None:
    """R1-7.3.27.3-3: a PE may have no window at all."""
    platform = papr()
    remove(platform, default_of(platform))
    assert platform.windows(PE) == []


def test_remove_of_a_created_window_leaves_the_default_as_it_is() -> None:
    """R1-7.3.27.3-3: nothing to restore, so its TCEs stay."""
    platform = papr()
    put(platform, platform.windows(PE)[0])
    remove(platform, new_window(platform).liobn)
    assert get(platform, platform.windows(PE)[0]).tce == 3


def test_remove_of_an_unknown_liobn_is_a_parameter_error() -> None:
    """A8."""
    platform = papr()
    window = new_window(platform)
    assert [remove(platform, n) for n in (0x1234, window.liobn, window.liobn)] == [PARAMETER, SUCCESS, PARAMETER]


@pytest.mark.parametrize("call", [RtasCall(REMOVE, (), 1), RtasCall(REMOVE, (1, 2), 1)])
def test_remove_of_wrong_arity_is_a_parameter_error(call: RtasCall) -> None:
    """LoPAR table 131."""
    assert papr().rtas(call).status is PARAMETER


def test_remove_with_a_wrong_number_of_outputs_removes_nothing() -> None:
    """LoPAR table 131."""
    platform = papr()
    assert platform.rtas(RtasCall(REMOVE, (default_of(platform),), 2)).status is PARAMETER
    assert len(platform.windows(PE)) == 1


# A8: a table that still holds valid TCEs


def dirty(choice: DirtyRemoval) -> tuple[Papr, Window]:
    """A platform with a created window of one valid TCE."""
    platform = papr(choices=Choices(dirty_removal=choice))
    window = new_window(platform)
    assert put(platform, window) is HcallStatus.SUCCESS
    return platform, window


@pytest.mark.parametrize("act", [lambda p, w: remove(p, w.liobn), lambda p, _: reset(p)])
def test_window_with_a_valid_tce_is_kept_where_the_platform_refuses(act: Callable[[Papr, Window], RtasStatus]) -> None:
    """A8, R1-7.3.27.3-2, R1-7.3.27.4.1-2."""
    platform, window = dirty(DirtyRemoval.REFUSE)
    assert act(platform, window) is PARAMETER
    assert get(platform, window).tce == 3


@pytest.mark.parametrize("act", [lambda p, w: remove(p, w.liobn), lambda p, _: reset(p)])
def test_window_with_a_valid_tce_goes_where_the_platform_drops(act: Callable[[Papr, Window], RtasStatus]) -> None:
    """A8, R1-7.3.27.3-2, R1-7.3.27.4.1-2."""
    platform, window = dirty(DirtyRemoval.DROP)
    assert act(platform, window) is SUCCESS
    assert liobns(platform) == {default_of(platform)}


def test_window_with_a_fault_entry_is_clean() -> None:
    """R1-7.3.27.3-2 speaks of valid mappings."""
    platform = papr()
    window = new_window(platform)
    put(platform, window, tce=0x7000)
    assert remove(platform, window.liobn) is SUCCESS


# 7.3.27.4 reset, and what else restores


def boot_state(platform: Papr) -> None:
    """The PE has its default window, empty, and nothing else."""
    (window,) = platform.windows(PE)
    assert (window.liobn, window.span) == platform.endpoints[PE].default
    assert (window.page_shift, len(window.table)) == (12, 0)


@pytest.mark.parametrize("act", [reset, lambda p: p.isolate(PE), lambda p: p.reboot()])
def test_reset_isolate_and_reboot_restore_boot_time_windows(act: Callable[[Papr], object]) -> None:
    """R1-7.3.27.4.1-3, R1-7.3.27-5, -6."""
    platform = papr()
    remove(platform, default_of(platform))
    create(platform)
    act(platform)
    boot_state(platform)


@pytest.mark.parametrize("act", [lambda p: p.isolate(PE), lambda p: p.reboot()])
def test_isolate_and_reboot_drop_valid_tces(act: Callable[[Papr], object]) -> None:
    """R1-7.3.27-5."""
    platform, _ = dirty(DirtyRemoval.REFUSE)
    act(platform)
    boot_state(platform)


@pytest.mark.parametrize("act", [reset, lambda p: p.isolate(PE)])
def test_reset_and_isolate_touch_no_other_pe(act: Callable[[Papr], object]) -> None:
    """R1-7.3.27-5: of the PE."""
    platform = papr()
    window = new_window(platform, pe=SISTER)
    act(platform)
    assert window.liobn in liobns(platform, SISTER)


def test_reboot_restores_every_pe() -> None:
    """R1-7.3.27-5."""
    platform = papr()
    new_window(platform, pe=SISTER)
    platform.reboot()
    assert liobns(platform, SISTER) == {default_of(platform, SISTER)}


def test_reset_is_refused_where_the_extension_is_absent() -> None:
    """LoPAR table 132 index 2."""
    assert reset(papr(extensions=())) is PARAMETER


@pytest.mark.parametrize("call", [
    RtasCall(RESET_TOKEN, STRANGER.cells, 1), RtasCall(RESET_TOKEN, PE.cells[:2], 1),
    RtasCall(RESET_TOKEN, PE.cells, 2), RtasCall(RESET_TOKEN, (*PE.cells, 1, 1), 1),
])  # fmt: skip
def test_reset_of_wrong_arity_or_pe_is_a_parameter_error(call: RtasCall) -> None:
    """LoPAR table 133."""
    assert papr().rtas(call).status is PARAMETER


def limited_papr(profile: Profile = POWERVM_SRIOV_LIMITED) -> Papr:
    return Papr(replace(profile, windows=3), (PE,))


def test_limited_reset_brings_windows_below_2_to_the_59() -> None:
    """LoPAR 2.13, reset with four inputs."""
    platform = limited_papr()
    assert reset(platform, 1) is SUCCESS
    assert new_window(platform).base == POWERVM_SRIOV_LIMITED.limited


@pytest.mark.parametrize("again", [lambda p: reset(p, 0), reset, lambda p: p.isolate(PE), lambda p: p.reboot()])
def test_any_other_reset_ends_limited_addressing(again: Callable[[Papr], object]) -> None:
    """LoPAR 2.13; R1-7.3.27-5."""
    platform = limited_papr()
    reset(platform, 1)
    again(platform)
    assert new_window(platform).base == POWERVM_SRIOV_LIMITED.dma64


@pytest.mark.parametrize("extensions", [(2, RESET_TOKEN, 1), (3, RESET_TOKEN, 1, 0), (2, RESET_TOKEN, 1, 1)])
def test_limited_reset_is_refused_where_it_is_not_offered(extensions: tuple[int, ...]) -> None:
    """R1-7.3.27.4-1: cells beyond the count do not exist."""
    platform = limited_papr(replace(POWERVM_SRIOV_LIMITED, extensions=extensions))
    assert reset(platform, 1) is PARAMETER
    assert not platform.endpoints[PE].limited


def test_limited_reset_knows_only_0_and_1() -> None:
    """LoPAR 2.13."""
    assert reset(limited_papr(), 2) is PARAMETER


# 14.5.4.2 TCE hypercalls


@pytest.mark.parametrize("call", [
    lambda p, w: put(p, w, 0x4000), lambda p, w: get(p, w, 0x4000).status, lambda p, w: put(p, w, -1),
    lambda p, w: stuff(p, w, 1, entry=0x4000), lambda p, w: indirect(p, w, [3], 0x4000),
    lambda p, w: put(p, foreign(w)), lambda p, w: get(p, foreign(w)).status,
    lambda p, w: stuff(p, foreign(w), 1), lambda p, w: indirect(p, foreign(w), [3]),
])  # fmt: skip
def test_liobn_or_ioba_that_is_not_the_callers_is_h_parameter(call: Callable[[Papr, Window], HcallStatus]) -> None:
    """LoPAR 14.5.4.2, first check of each call; A6 for the LIOBN of a removed window."""
    platform = papr()
    window = new_window(platform)
    assert call(platform, window) is HcallStatus.PARAMETER


def test_stuff_of_more_than_512_is_h_p4() -> None:
    """LoPAR 14.5.4.2, H_STUFF_TCE."""
    platform = papr()
    window = new_window(platform)
    assert (stuff(platform, window, 512), stuff(platform, window, 513)) == (HcallStatus.SUCCESS, HcallStatus.P4)


def test_indirect_of_more_than_512_is_h_parameter() -> None:
    """LoPAR 14.5.4.2, H_PUT_TCE_INDIRECT; A18."""
    platform = papr()
    window = new_window(platform)
    assert indirect(platform, window, [3] * 512) is HcallStatus.SUCCESS
    assert indirect(platform, window, [3] * 513) is HcallStatus.PARAMETER


def test_stuff_looks_at_the_ioba_before_the_count() -> None:
    """LoPAR 14.5.4.2, order of H_STUFF_TCE."""
    platform = papr()
    assert stuff(platform, new_window(platform), 513, entry=0x4000) is HcallStatus.PARAMETER


def test_stuff_looks_at_the_count_before_window_end_and_memory() -> None:
    """LoPAR 14.5.4.2, order of H_STUFF_TCE."""
    platform = papr()
    assert stuff(platform, new_window(platform), 513, tce=GIB | 3, entry=0x3FFF) is HcallStatus.P4


@pytest.mark.parametrize("write", [
    lambda p, w: stuff(p, w, 2, entry=0x3FFF), lambda p, w: indirect(p, w, [3, 3], 0x3FFF),
    lambda p, w: put(p, w, 0x3FFF, GIB | 3), lambda p, w: stuff(p, w, 1, GIB | 3, 0x3FFF),
    lambda p, w: indirect(p, w, [GIB | 3], 0x3FFF), lambda p, w: indirect(p, w, [3], 0x3FFF, list_addr=8),
])  # fmt: skip
def test_failing_write_changes_no_tce(write: Callable[[Papr, Window], HcallStatus]) -> None:
    """LoPAR 14.5.4.2: beyond the window, foreign memory, crooked list page; every check before any store."""
    platform = papr()
    window = new_window(platform)
    assert write(platform, window) is HcallStatus.PARAMETER
    assert len(window.table) == 0


def test_indirect_writes_all_entries_or_none() -> None:
    """LoPAR 14.5.4.2, H_PUT_TCE_INDIRECT validates the whole list first."""
    platform = papr()
    window = new_window(platform)
    assert indirect(platform, window, [3, PAGE | 3, GIB | 3]) is HcallStatus.PARAMETER
    assert len(window.table) == 0
    assert indirect(platform, window, [3, PAGE | 1, 0]) is HcallStatus.SUCCESS
    assert [get(platform, window, k).tce for k in range(3)] == [3, PAGE | 1, 0]


def test_stuff_writes_the_same_tce_everywhere() -> None:
    """LoPAR 14.5.4.2, H_STUFF_TCE."""
    platform = papr()
    window = new_window(platform)
    stuff(platform, window, 3, PAGE | 2)
    assert [get(platform, window, k).tce for k in range(4)] == [PAGE | 2] * 3 + [0]


def test_count_0_is_a_success_that_changes_nothing() -> None:
    """A17."""
    platform = papr()
    window = new_window(platform)
    assert stuff(platform, window, 0) is indirect(platform, window, []) is HcallStatus.SUCCESS
    assert len(window.table) == 0


def test_fault_entry_keeps_its_bits_and_may_name_foreign_memory() -> None:
    """LoPAR 14.5.4.2: stored untranslated; H_GET_TCE returns it raw."""
    platform = papr()
    window = new_window(platform)
    assert put(platform, window, tce=0x7FFF_FFFF_FFFF_FFF0) is HcallStatus.SUCCESS
    assert get(platform, window) == HcallAnswer(HcallStatus.SUCCESS, Tce(0x7FFF_FFFF_FFFF_FFF0))


def test_get_of_a_tce_to_memory_that_is_gone_is_h_partial() -> None:
    """LoPAR 14.5.4.2, H_GET_TCE: all ones for the page number, the control bits as they are."""
    platform = papr()
    window = new_window(platform)
    put(platform, window, tce=PAGE | 1)
    platform.memory.release(RAM)
    assert get(platform, window) == HcallAnswer(HcallStatus.PARTIAL, Tce(0xFFFFFFFFFFFFF001))


@pytest.mark.parametrize(("choice", "status", "tce"), [
    (Unaligned.REJECT, HcallStatus.PARAMETER, 0), (Unaligned.TRUNCATE, HcallStatus.SUCCESS, PAGE | 3),
])  # fmt: skip
def test_tce_inside_an_io_page_is_rejected_or_rounded_down(choice: Unaligned, status: HcallStatus, tce: int) -> None:
    """A13."""
    platform = papr(choices=Choices(unaligned=choice))
    window = new_window(platform)
    assert put(platform, window, tce=PAGE + 0x1003) is status
    assert get(platform, window).tce == tce


@pytest.mark.parametrize(("choice", "status"), [
    (Unaligned.REJECT, HcallStatus.PARAMETER), (Unaligned.TRUNCATE, HcallStatus.SUCCESS),
])  # fmt: skip
def test_ioba_inside_an_io_page_is_rejected_or_rounded_down(choice: Unaligned, status: HcallStatus) -> None:
    """A13."""
    platform = papr(choices=Choices(unaligned=choice))
    window = new_window(platform)
    assert platform.hcall(PutTce(window.liobn, BusAddress(window.base + 1), Tce(3))).status is status


@pytest.mark.parametrize(("choice", "status"), [
    (Ownership.WHOLE_PAGE, HcallStatus.PARAMETER), (Ownership.FIRST_4K, HcallStatus.SUCCESS),
])  # fmt: skip
def test_io_page_may_or_may_not_straddle_the_end_of_memory(choice: Ownership, status: HcallStatus) -> None:
    """A13."""
    platform = papr(choices=Choices(ownership=choice))
    platform.assign_memory(Span(PhysAddr(GIB), PhysAddr(GIB + 4 * KIB)))
    assert put(platform, new_window(platform), tce=GIB | 3) is status


@pytest.mark.parametrize(("choice", "status", "tce"), [
    (ReservedBits.REJECT, HcallStatus.PARAMETER, 0), (ReservedBits.MASK, HcallStatus.SUCCESS, 3),
])  # fmt: skip
def test_reserved_bits_are_rejected_or_masked(choice: ReservedBits, status: HcallStatus, tce: int) -> None:
    """A17."""
    platform = papr(choices=Choices(reserved_bits=choice))
    window = new_window(platform)
    assert put(platform, window, tce=0x10 | 3) is status
    assert get(platform, window).tce == tce


@pytest.mark.parametrize("call", [
    lambda p, w: stuff(p, w, 1), lambda p, w: indirect(p, w, [3]),
    lambda p, w: p.hcall(TceRun(StuffTce, w.liobn, w.base, Tce(0), 0, PAGE, 1, 1)).status,
])  # fmt: skip
def test_multi_tce_calls_are_h_function_where_they_are_absent(call: Callable[[Papr, Window], HcallStatus]) -> None:
    """R1-14.5.3-2, table 181: hcall-multi-tce."""
    platform = papr(multi_tce=MultiTce.NONE)
    window = new_window(platform)
    assert call(platform, window) is HcallStatus.FUNCTION
    assert put(platform, window) is HcallStatus.SUCCESS


# Loops


def test_loop_stops_at_the_first_call_that_names_foreign_memory() -> None:
    """A loop means its calls; each is all or nothing."""
    platform = papr()
    window = new_window(platform)
    run = TceRun(PutTceIndirect, window.liobn, window.base, Tce(GIB - 5 * PAGE | 3), PAGE, PAGE, 9, 2)
    assert platform.hcall(run) == HcallAnswer(HcallStatus.PARAMETER, done=2)
    assert [get(platform, window, k).tce != 0 for k in range(6)] == [True] * 4 + [False] * 2


def test_loop_of_fault_entries_that_begins_at_0_stores_the_others() -> None:
    """LoPAR 14.5.4.2: a fault entry keeps its bits, in a loop too."""
    platform = papr()
    window = new_window(platform)
    platform.hcall(TceRun(PutTce, window.liobn, window.base, Tce(0), PAGE, PAGE, 3, 1))
    assert [get(platform, window, k).tce for k in range(3)] == [0, PAGE, 2 * PAGE]


def test_loop_of_no_calls_succeeds_on_any_platform() -> None:
    """A loop means its calls."""
    platform = papr(multi_tce=MultiTce.NONE)
    run = TceRun(StuffTce, default_of(platform), BusAddress(0), Tce(0), 0, 4096, 0, 512)
    assert platform.hcall(run) == HcallAnswer(HcallStatus.SUCCESS)


# 3.2.2.2 translation


@pytest.mark.parametrize("control", [1, 2, 3])
def test_device_reaches_memory_with_the_permissions_of_the_tce(control: int) -> None:
    """R2-3.2.2.2-2, table 8; the offset in the I/O page passes through."""
    platform = papr()
    window = new_window(platform)
    put(platform, window, 2, 5 * PAGE | control)
    reach = platform.translate(PE, BusAddress(window.base + 2 * PAGE + 0x1234))
    assert reach == Reach(PhysAddr(5 * PAGE + 0x1234), control)


def test_device_reaches_nothing_through_a_fault_entry() -> None:
    """R2-3.2.2.2-3."""
    platform = papr()
    window = new_window(platform)
    put(platform, window, tce=PAGE)
    assert platform.translate(PE, window.base) is None


def test_device_reaches_nothing_outside_its_windows() -> None:
    """R2-3.2.2.2-3: TCE extent error."""
    platform = papr()
    window = new_window(platform)
    put(platform, window)
    assert platform.translate(PE, BusAddress(window.span.stop)) is None
    assert platform.translate(SISTER, window.base) is None


# 13.7.4.1 memory


@pytest.mark.parametrize("entry", [0, 5])
def test_memory_is_not_released_while_a_tce_reaches_it(entry: int) -> None:
    """R1-13.7.4.1.2-2."""
    platform = papr()
    window = new_window(platform)
    put(platform, window, entry, 512 * MIB | 1)
    upper = Span(PhysAddr(512 * MIB), PhysAddr(GIB))
    assert not platform.release_memory(upper)
    put(platform, window, entry, 0)
    assert platform.release_memory(upper)


def test_memory_is_not_released_while_an_io_page_reaches_into_it() -> None:
    """R1-13.7.4.1.2-2: the last byte of an I/O page counts."""
    platform = papr()
    window = new_window(platform)
    put(platform, window, tce=3)
    assert not platform.release_memory(Span(PhysAddr(PAGE - 4096), PhysAddr(PAGE)))
    assert platform.release_memory(Span(PhysAddr(PAGE), PhysAddr(2 * PAGE)))


def test_fault_entry_holds_no_memory_back() -> None:
    """R1-13.7.4.1.2-2."""
    platform = papr()
    put(platform, new_window(platform), tce=PAGE)
    assert platform.release_memory(RAM)


def test_released_memory_may_not_be_mapped_and_assigned_memory_may() -> None:
    """LoPAR 14.5.4.2: the logical address must be the caller's."""
    platform = papr()
    window = new_window(platform)
    platform.release_memory(RAM)
    assert put(platform, window) is HcallStatus.PARAMETER
    platform.assign_memory(RAM)
    assert put(platform, window) is HcallStatus.SUCCESS
