# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypothesis strategies: small platforms, and what may be asked of one, well formed or hostile.

Choices between strategies go by a drawn number, because `one_of` gives equal weight to each.
"""

from typing import Any

from hypothesis import strategies as st

from conformance.compare import Assign, Isolate, Operation, Reaches, Release, Restart
from model.calls import GetRun, GetTce, Hcall, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun, tce_list
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.profiles import (
    Choices,
    DirtyRemoval,
    LiobnOf,
    Outputs,
    Oversize,
    Ownership,
    Placement,
    Profile,
    ReservedBits,
    Unaligned,
    WideBlock,
)
from model.types import KIB, MIB, BusAddress, Liobn, PageShift, Pe, PhysAddr, Span, Tce, WindowShift

PES = (Pe(0x280000, 0x800000020000524), Pe(0x10000, 0x800000020000524))
FOREIGN_PE = Pe(0x290000, 0x800000020000524)
FOREIGN_LIOBN = Liobn(0x1234)
QUERY, CREATE, REMOVE, RESET, UNKNOWN = 0x53, 0x54, 0x55, 0x56, 0x57
MEMORY = (
    Span(PhysAddr(0), PhysAddr(4 * MIB)),
    Span(PhysAddr(8 * MIB), PhysAddr(8 * MIB + 36 * KIB)),
    Span(PhysAddr(32 * MIB), PhysAddr(96 * MIB)),
)
"""What the partition starts with; its borders are crooked for all I/O pages above 4 KB."""

choices = st.builds(
    Choices,
    st.sampled_from(WideBlock), st.sampled_from(Oversize), st.sampled_from(Outputs), st.sampled_from(LiobnOf),
    st.sampled_from(Placement), st.sampled_from(DirtyRemoval), st.sampled_from(Unaligned), st.sampled_from(Ownership),
    st.sampled_from(ReservedBits),
)  # fmt: skip
profiles = st.builds(
    Profile, st.just("small"), st.integers(1, 3), st.just(1024), st.just(0x107), st.sampled_from((5, 6)),
    st.sampled_from(((), (2, RESET, 1), (3, RESET, 1, 1))), st.just(Span(BusAddress(0), BusAddress(576 * 4 * KIB))),
    choices=choices,
)  # fmt: skip


def all_windows(hypervisor: Papr) -> list[Window]:
    """The windows that exist; where there is none, one to aim at in vain."""
    ghost = Window(FOREIGN_LIOBN, BusAddress(0), PageShift(12), WindowShift(20), 1 << 20)
    return [window for pe in PES for window in hypervisor.windows(pe)] or [ghost]


def rarely(draw: st.DrawFn, usual: Any, other: st.SearchStrategy[Any]) -> Any:
    """`usual`, but `other` one time in ten."""
    return draw(other) if draw(st.integers(0, 9)) == 9 else usual


@st.composite
def rtas_calls(draw: st.DrawFn, hypervisor: Papr) -> RtasCall:
    """RTAS calls: mostly well formed, now and then with a wrong PE, shift, token, or number of cells."""
    kind = draw(st.sampled_from((CREATE, CREATE, QUERY, REMOVE, RESET)))
    pe = rarely(draw, draw(st.sampled_from(PES)), st.just(FOREIGN_PE))
    args, nret = pe.cells, 1
    if kind == CREATE:
        page = rarely(draw, draw(st.sampled_from((12, 16, 21, 24))), st.integers(0, 64))
        args, nret = (*args, page, rarely(draw, page + draw(st.integers(8, 10)), st.integers(0, 65))), 4
    elif kind == QUERY:
        nret = draw(st.sampled_from((5, 6)))
    elif kind == REMOVE:
        args = (rarely(draw, draw(st.sampled_from(all_windows(hypervisor))).liobn, st.just(FOREIGN_LIOBN)),)
    elif draw(st.booleans()):
        args = (*args, draw(st.integers(0, 2)))
    args = rarely(draw, args, st.sampled_from((args[:-1], (*args, 0))))
    return RtasCall(rarely(draw, kind, st.just(UNKNOWN)), args, rarely(draw, nret, st.integers(0, 7)))


@st.composite
def tces(draw: st.DrawFn, page: int) -> Tce:
    """TCEs near the borders of the partition's memory; mostly valid, in whole I/O pages."""
    border = draw(st.sampled_from([b for span in MEMORY for b in span]))
    address = max(0, border // page + draw(st.integers(-8, 8))) * page
    address = rarely(draw, address, st.integers(0, 96 * MIB // 4096).map(lambda k: k * 4096))
    return Tce(address | draw(st.sampled_from((3, 3, 3, 1, 2, 0))) | rarely(draw, 0, st.sampled_from((0x10, 0x800))))


@st.composite
def hcalls(draw: st.DrawFn, hypervisor: Papr) -> Hcall:
    """TCE hypercalls and loops, at the start, at the end and in the middle of a window."""
    window = draw(st.sampled_from(all_windows(hypervisor)))
    page, entries = 1 << window.page_shift, window.entries
    kind = draw(st.sampled_from((TceRun, TceRun, GetRun, GetTce, PutTce, StuffTce, PutTceIndirect)))
    entry = draw(st.sampled_from((0, entries // 2, entries - 20))) + draw(st.integers(0, 20))
    ioba = BusAddress(max(0, window.base + entry * page + rarely(draw, 0, st.sampled_from((1, page // 2, -1)))))
    liobn = rarely(draw, window.liobn, st.just(FOREIGN_LIOBN))
    tce = draw(tces(page))
    count = rarely(draw, draw(st.integers(0, 20)), st.sampled_from((0, 511, 512, 513)))
    step = rarely(draw, page, st.sampled_from((0, 4096, 2 * page)))
    if kind is TceRun:
        return draw(loops(PutTce(liobn, ioba, tce), count, step, page))
    if kind is GetRun:
        return GetRun(liobn, ioba, rarely(draw, page, st.sampled_from((4096, 2 * page))), count)
    if kind is GetTce:
        return GetTce(liobn, ioba)
    if kind is PutTce:
        return PutTce(liobn, ioba, tce)
    if kind is StuffTce:
        return StuffTce(liobn, ioba, tce, count)
    return PutTceIndirect(liobn, ioba, tce_list(tce, step, count), rarely(draw, 0, st.sampled_from((8, 4096))))


@st.composite
def loops(draw: st.DrawFn, first: PutTce, count: int, step: int, page: int) -> TceRun:
    """Loops of one kind of call, mostly at the window's own page."""
    kind: Any = draw(st.sampled_from((PutTce, StuffTce, PutTceIndirect)))
    stride = rarely(draw, page, st.sampled_from((4096, 2 * page)))
    per_call = rarely(draw, draw(st.integers(1, 9)), st.sampled_from((512, 513)))
    if kind is PutTce:
        per_call = rarely(draw, 1, st.just(per_call))
    if kind is StuffTce:
        step = rarely(draw, 0, st.just(step))
    return TceRun(kind, first.liobn, first.ioba, first.tce, step, stride, count, per_call)


@st.composite
def platform_events(draw: st.DrawFn, hypervisor: Papr) -> Operation:
    """Memory that comes and goes, DR isolate, reboot, and accesses of a device."""
    pe, memory = draw(st.sampled_from(PES)), draw(st.sampled_from(MEMORY))
    memory = Span(memory.start, PhysAddr(draw(st.sampled_from((memory.stop, memory.start + 12 * KIB)))))
    base = draw(st.sampled_from([1 << 32, *(window.base for window in all_windows(hypervisor))]))
    access = Reaches(pe, BusAddress(base + draw(st.integers(0, 1100)) * 4 * KIB + draw(st.integers(0, 9))))
    options: list[Operation] = [access, access, access, Assign(memory), Release(memory), Isolate(pe), Restart()]
    return draw(st.sampled_from(options))


@st.composite
def operations(draw: st.DrawFn, hypervisor: Papr) -> Operation:
    """What can be asked of a platform in its present state: mostly hypercalls."""
    kind = draw(st.integers(0, 11))
    if kind == 0:
        return draw(platform_events(hypervisor))
    return draw(rtas_calls(hypervisor) if kind < 4 else hcalls(hypervisor))
