# SPDX-License-Identifier: GPL-2.0-or-later
"""H_GET_TCE, H_PUT_TCE, H_STUFF_TCE, H_PUT_TCE_INDIRECT. LoPAR 14.5.4.2, "Translation Control Entry Access".

A call that fails changes no TCE: everything is checked before anything is stored.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from model.calls import (
    GetRun,
    GetTce,
    HcallAnswer,
    HcallStatus,
    PutTce,
    PutTceIndirect,
    StuffTce,
    TceRun,
)
from model.hypervisor.memory import FOUR_K
from model.interfaces import Hypervisor
from model.profiles import Ownership, ReservedBits, Unaligned
from model.types import ADDRESS, CONTROL, BusAddress, Span, Tce

if TYPE_CHECKING:
    from model.hypervisor.papr import Papr
    from model.hypervisor.windows import Window

MAX_COUNT = 512
"""Entries that one H_STUFF_TCE or H_PUT_TCE_INDIRECT may name: a 4 KB page of TCEs."""
RESERVED = 0xFFC
"""TCE bits 52..61."""


def h_get_tce(papr: "Papr", call: GetTce) -> HcallAnswer:
    """Read one TCE."""
    # PARAMETERS
    window = papr.window(call.liobn)

    # CHECKS
    if window is None or not papr.entries_lie_in(window, call.ioba, 1):
        return HcallAnswer(HcallStatus.PARAMETER)

    # EFFECT: none

    # RETURN
    tce = window.table[window.index_of(call.ioba)]
    if tce & CONTROL and papr.memory.first_foreign(tce & ADDRESS, 1, 1, FOUR_K) == 0:
        return HcallAnswer(HcallStatus.PARTIAL, Tce(tce | 0xFFFFFFFFFFFFF000))
    return HcallAnswer(HcallStatus.SUCCESS, tce)


def get_run(papr: "Papr", run: GetRun) -> HcallAnswer:
    """A guest's loop of H_GET_TCE in one piece."""
    # PARAMETERS
    window = papr.window(run.liobn)

    # CHECKS
    if window is None or run.stride != 1 << window.page_shift or not papr.entries_lie_in(window, run.ioba, 0):
        return read_one_by_one(papr, run)

    # EFFECT: none

    # RETURN
    first = window.index_of(run.ioba)
    good = min(run.entries, window.entries - first)
    spans = window.table.spans(first, first + good) if good else ()
    found = joined(Span(tces.start - first, tces.stop - first) for tces in spans)
    return HcallAnswer(HcallStatus.SUCCESS if good == run.entries else HcallStatus.PARAMETER, done=good, found=found)


def read_one_by_one(hypervisor: Hypervisor, run: GetRun) -> HcallAnswer:
    """What a GetRun means."""
    found: list[Span[int]] = []
    for number, call in enumerate(run.calls()):
        answer = hypervisor.hcall(call)
        if answer.status not in (HcallStatus.SUCCESS, HcallStatus.PARTIAL):
            return HcallAnswer(answer.status, done=number, found=joined(found))
        if answer.tce:
            found.append(Span(number, number + 1))
    return HcallAnswer(HcallStatus.SUCCESS, done=len(run), found=joined(found))


def joined(spans: Iterable[Span[int]]) -> tuple[Span[int], ...]:
    """Ranges in order, with those that border on each other made one."""
    whole: list[Span[int]] = []
    for span in spans:
        if whole and whole[-1].stop == span.start:
            span = Span(whole.pop().start, span.stop)  # noqa: PLW2901
        whole.append(span)
    return tuple(whole)


def h_put_tce(papr: "Papr", call: PutTce) -> HcallAnswer:
    """Set one TCE."""
    # PARAMETERS
    window = papr.window(call.liobn)

    # CHECKS
    if window is None or not papr.entries_lie_in(window, call.ioba, 1):
        return HcallAnswer(HcallStatus.PARAMETER)
    if papr.first_refused(window, call.tce, 0, 1) == 0:
        return HcallAnswer(HcallStatus.PARAMETER)

    # EFFECT
    window.table.fill(window.index_of(call.ioba), papr.stored(window, call.tce), 0, 1)

    # RETURN
    return HcallAnswer(HcallStatus.SUCCESS, done=1)


def h_stuff_tce(papr: "Papr", call: StuffTce) -> HcallAnswer:
    """Set `count` neighbouring TCEs to the same value. Too many is H_P4 here, H_PARAMETER for the list form (A18)."""
    # PARAMETERS
    window = papr.window(call.liobn)

    # CHECKS
    if window is None or not papr.entries_lie_in(window, call.ioba, 0):
        return HcallAnswer(HcallStatus.PARAMETER)
    if call.count > MAX_COUNT:
        return HcallAnswer(HcallStatus.P4)
    if not papr.entries_lie_in(window, call.ioba, call.count):
        return HcallAnswer(HcallStatus.PARAMETER)
    if papr.first_refused(window, call.tce, 0, 1) == 0:
        return HcallAnswer(HcallStatus.PARAMETER)

    # EFFECT
    window.table.fill(window.index_of(call.ioba), papr.stored(window, call.tce), 0, call.count)

    # RETURN
    return HcallAnswer(HcallStatus.SUCCESS, done=1)


def h_put_tce_indirect(papr: "Papr", call: PutTceIndirect) -> HcallAnswer:
    """Set neighbouring TCEs from a list; all of them or none."""
    # PARAMETERS
    window = papr.window(call.liobn)

    # CHECKS
    if call.count > MAX_COUNT or window is None:
        return HcallAnswer(HcallStatus.PARAMETER)
    if not papr.entries_lie_in(window, call.ioba, call.count):
        return HcallAnswer(HcallStatus.PARAMETER)
    if call.list_addr % FOUR_K:
        return HcallAnswer(HcallStatus.PARAMETER)
    if any(papr.first_refused(window, Tce(tce), 0, 1) == 0 for tce in set(call.tces)):
        return HcallAnswer(HcallStatus.PARAMETER)

    # EFFECT
    window.table.write(window.index_of(call.ioba), [papr.stored(window, Tce(tce)) for tce in call.tces])

    # RETURN
    return HcallAnswer(HcallStatus.SUCCESS, done=1)


def tce_run(papr: "Papr", run: TceRun) -> HcallAnswer:
    """A guest's loop in one piece: what its calls would do one by one, at the cost of its ranges."""
    window = papr.window(run.liobn)
    if window is None or not papr.takes_whole(window, run):
        return one_by_one(papr, run)
    # The first entry that its call would refuse decides how many calls succeed.
    limit = min(run.entries, window.entries - window.index_of(run.ioba))
    good = papr.first_refused(window, run.first, run.step, limit)
    calls = len(run) if good == run.entries else good // run.per_call
    entries = min(run.entries, calls * run.per_call)
    window.table.fill(window.index_of(run.ioba), papr.stored(window, run.first), run.step, entries)
    if calls == len(run):
        return HcallAnswer(HcallStatus.SUCCESS, done=calls)
    last = papr.hcall(run.call(calls))
    return HcallAnswer(last.status, done=calls)


def one_by_one(papr: "Papr", run: TceRun) -> HcallAnswer:
    """What a TceRun means."""
    for number, call in enumerate(run.calls()):
        answer = papr.hcall(call)
        if answer.status is not HcallStatus.SUCCESS:
            return HcallAnswer(answer.status, done=number)
    return HcallAnswer(HcallStatus.SUCCESS, done=len(run))


def takes_whole(papr: "Papr", window: "Window", run: TceRun) -> bool:
    """Whether a loop walks the window evenly, so that its calls can be carried out in one piece."""
    page = 1 << window.page_shift
    return (
        run.stride == page
        and run.step in (0, page)
        and window.span.holds(run.ioba)
        and 0 < run.per_call <= (1 if run.kind is PutTce else MAX_COUNT)
        and not (run.kind is StuffTce and run.step)
        and (run.ioba - window.base) % page == 0
        and not run.first & RESERVED
        and (not run.first & CONTROL or (run.first & ~CONTROL) % page == 0)
        and run.first + run.step * run.entries <= 1 << 64
    )


def entries_lie_in(papr: "Papr", window: "Window", ioba: BusAddress, count: int) -> bool:
    """Whether `count` entries from IOBA on belong to the window. A13: an IOBA inside an I/O page."""
    if not window.span.holds(ioba) or count < 0:
        return False
    if papr.profile.choices.unaligned is Unaligned.REJECT and (ioba - window.base) & ((1 << window.page_shift) - 1):
        return False
    return window.index_of(ioba) + count <= window.entries


def first_refused(papr: "Papr", window: "Window", tce: Tce, step: int, count: int) -> int:
    """The first k in 0..count for which TCE tce + k * step may not be stored; `count` if all may."""
    choices = papr.profile.choices
    page = 1 << window.page_shift
    if tce & RESERVED and choices.reserved_bits is ReservedBits.REJECT:
        return 0
    if not tce & CONTROL:
        return count
    address = tce & ADDRESS
    if address % page:
        if choices.unaligned is Unaligned.REJECT:
            return 0
        address -= address % page
    checked = page if choices.ownership is Ownership.WHOLE_PAGE else FOUR_K
    if step == 0:
        return count if papr.memory.first_foreign(address, page, 1, checked) == 1 else 0
    return papr.memory.first_foreign(address, step, count, checked)


def stored(papr: "Papr", window: "Window", tce: Tce) -> Tce:
    """What a table holds after a TCE was accepted: A13, A17; a fault entry is kept as it is."""
    if not tce & CONTROL:
        return tce
    return Tce((tce & ADDRESS) >> window.page_shift << window.page_shift | tce & CONTROL)
