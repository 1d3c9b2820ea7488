# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine over the hypervisor alone: any call, and LoPAR's own promises after each, by requirement number."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from model.calls import HcallStatus, PutTce, RtasCall, RtasStatus, StuffTce
from model.hypervisor.papr import Papr
from model.interfaces import Hypervisor, TceSpan, WindowView
from model.profiles import PROFILES, Choices, MultiTce, Profile
from model.types import CONTROL, GIB, BusAddress, Liobn, Pe, PhysAddr, Span, Tce
from properties.machine import Tally
from properties.strategies import choices

PES = (Pe(0x280000, 0x800000020000524), Pe(0x290000, 0x800000020000524))
"""Two PEs below one PHB, so that their windows must keep clear of each other."""
MEMORY = Span(PhysAddr(0), PhysAddr(GIB))
SHIFTS = (12, 16, 21, 24, 34, 0, 11, 64, 255)
WINDOWS = (20, 24, 30, 32, 36, 40, 63, 11, 64, 255)

State = dict[Liobn, tuple[Pe, BusAddress, int, tuple[TceSpan, ...]]]


class PromiseBroken(AssertionError):
    """The hypervisor did not keep one of LoPAR's requirements; `requirement` is its number."""

    def __init__(self, requirement: str, what: str) -> None:
        super().__init__(f"{requirement}: {what}")
        self.requirement = requirement


def require(truth: bool, requirement: str, what: str) -> None:
    """PromiseBroken unless `truth`."""
    if not truth:
        raise PromiseBroken(requirement, what)


def state_of(hypervisor: Hypervisor) -> State:
    """All windows with all their TCEs."""
    return {
        w.liobn: (pe, w.base, w.page_shift, tuple(w.table.spans(0, w.span.size >> w.page_shift)))
        for pe in PES
        for w in hypervisor.windows(pe)
    }


class Calls(RuleBasedStateMachine):
    """RTAS calls and hypercalls in any order; subclasses name the platform and the hypervisor."""

    profile: ClassVar[Profile]
    make_hypervisor: ClassVar[Callable[..., Any]] = Papr
    tally: ClassVar[Tally]

    @initialize(answers=choices(), multi=st.sampled_from((MultiTce.BOTH, MultiTce.BOTH, MultiTce.NONE)))
    def boot(self, answers: Choices, multi: MultiTce) -> None:
        """A platform with two PEs below one PHB."""
        fields = {name: getattr(self.profile, name) for name in Profile.__slots__}
        self.hypervisor = type(self).make_hypervisor(Profile(**{**fields, "choices": answers}), PES, multi)
        self.hypervisor.assign_memory(MEMORY)
        self.defaults = {pe: self.hypervisor.properties(pe).default for pe in PES}
        self.tally.examples += 1

    def rtas(self, name: str, token: int, args: tuple[int, ...], nret: int) -> tuple[RtasStatus, Sequence[int]]:
        """One RTAS call; a failing one must change nothing."""
        before = state_of(self.hypervisor)
        answer = self.hypervisor.rtas(RtasCall(token, args, nret))
        self.seen(f"{name} alone: {answer.status.name}")
        if answer.status is not RtasStatus.SUCCESS:
            require(state_of(self.hypervisor) == before, "R1-7.3.27.2-2", f"{name} failed and changed the windows")
        return answer.status, answer.outputs

    def seen(self, what: str) -> None:
        """Count a step and what came of it."""
        self.tally.steps += 1
        self.tally.reached[what] += 1

    def window(self, which: int) -> tuple[Pe, WindowView]:
        """One of the windows that exist; a PE without any lends the other's."""
        windows = [(pe, w) for pe in PES for w in self.hypervisor.windows(pe)]
        return windows[which % len(windows)]

    def any_window(self) -> bool:
        """Whether a window exists."""
        return any(self.hypervisor.windows(pe) for pe in PES)

    @rule(pe=st.sampled_from(PES), page=st.sampled_from(SHIFTS), size=st.sampled_from(WINDOWS))
    def create(self, pe: Pe, page: int, size: int) -> None:
        """Create: one new window as asked, clear of all others, or none."""
        before = state_of(self.hypervisor)
        room = self.rtas("query", self.profile.tokens[0], pe.cells, 5)[1]
        status, out = self.rtas("create", self.profile.tokens[1], (*pe.cells, page, size), 4)
        if status is not RtasStatus.SUCCESS:
            return
        require(room[0] > 0, "7.3.27.1", "a window was created though query had said none may be")
        new = [w for w in self.hypervisor.windows(pe) if w.liobn not in before]
        require(
            len(new) == 1 and len(state_of(self.hypervisor)) == len(before) + 1, "7.3.27.2", "not just one new window"
        )
        window = new[0]
        require(out[0] == window.liobn and out[1] << 32 | out[2] == window.base, "table 130", "outputs do not name it")
        require((window.page_shift, window.span.size) == (page, 1 << size), "7.3.27.2", "the window is not as asked")
        others = [w for other in PES for w in self.hypervisor.windows(other) if w.liobn != window.liobn]
        clash = [w for w in others if w.span.touches(window.span)]
        require(not clash, "R1-5.1-3", "bus ranges of windows below one PHB overlap")

    @rule(which=st.integers(0, 7))
    def remove(self, which: int) -> None:
        """Remove: that window goes, and the default comes back exactly when it must."""
        if not self.any_window():
            return
        pe, window = self.window(which)
        default = self.defaults[pe].liobn
        status, _ = self.rtas("remove", self.profile.tokens[2], (window.liobn,), 1)
        if status is RtasStatus.SUCCESS:
            left = {w.liobn for w in self.hypervisor.windows(pe)}
            require(
                window.liobn not in left or window.liobn == default, "7.3.27.3", "the removed window is still there"
            )
            require(window.liobn != default or default not in left, "R1-7.3.27.3-3", "a removed default came back")
            require(bool(left) or window.liobn == default, "R1-7.3.27.3-3", "the default did not come back")

    @rule(pe=st.sampled_from(PES), limited=st.sampled_from(((), (), (1,), (0,), (2,))))
    def reset(self, pe: Pe, limited: tuple[int, ...]) -> None:
        """Reset: exactly the default window, as at boot, empty; the other PE untouched."""
        if len(self.profile.extensions) < 2:
            return
        other = {k: v for k, v in state_of(self.hypervisor).items() if v[0] != pe}
        status, _ = self.rtas("reset", self.profile.extensions[1], (*pe.cells, *limited), 1)
        if status is RtasStatus.SUCCESS:
            windows = self.hypervisor.windows(pe)
            as_boot = [(w.liobn, w.span) for w in windows] == [tuple(self.defaults[pe])]
            require(as_boot and not windows[0].table.valid(), "R1-7.3.27.4.1-3", "reset did not restore the default")
            now = {k: v for k, v in state_of(self.hypervisor).items() if v[0] != pe}
            require(now == other, "7.3.27.4.1", "reset of one PE changed another")

    @rule(
        which=st.integers(0, 7), entry=st.sampled_from((0, 1, 2, 511, 512, -1)), count=st.sampled_from((1, 2, 512, 513, 0)),
        memory=st.sampled_from((0, 0x10000, 0x200000, GIB - 4096, GIB)), control=st.integers(0, 3), one=st.booleans(),
    )  # fmt: skip
    def write(self, which: int, entry: int, count: int, memory: int, control: int, one: bool) -> None:
        """Write TCEs: all that were named and no others, or none."""
        if not self.any_window():
            return
        pe, window = self.window(which)
        page = 1 << window.page_shift
        entry %= window.span.size // page
        ioba = BusAddress(window.base + entry * page)
        tce = Tce(memory | control)
        before = state_of(self.hypervisor)
        call = PutTce(window.liobn, ioba, tce) if one else StuffTce(window.liobn, ioba, tce, count)
        status = self.hypervisor.hcall(call).status
        self.seen(f"{type(call).__name__} alone: {status.name}")
        after = state_of(self.hypervisor)
        if status is not HcallStatus.SUCCESS:
            require(after == before, "14.5.4.2", "a failing hypercall changed a TCE")
            return
        count = 1 if one else count
        touched = [run for run in after[window.liobn][3] if run.start < entry + count and entry < run.stop]
        outside = [_outside(state[window.liobn][3], entry, entry + count) for state in (before, after)]
        require(outside[0] == outside[1], "14.5.4.2", "a TCE that was not named has changed")
        reach = self.hypervisor.translate(pe, ioba)
        if count and control:
            expected = memory // page * page
            require(reach == (expected, control), "3.2.2.2", f"the device reaches {reach}")
            require(sum(r.stop - r.start for r in touched) >= count, "14.5.4.2", "not all named TCEs were written")
        elif count:
            require(reach is None, "table 8", "a fault entry grants access")


def _outside(runs: Sequence[TceSpan], start: int, stop: int) -> set[tuple[int, int, int]]:
    """First, last and value of what lies before and behind a range."""
    found = set()
    for run in runs:
        for first, last in ((run.start, min(run.stop, start)), (max(run.start, stop), run.stop)):
            if first < last:
                found.add((first, last, run.tce & CONTROL if run.step else run.tce))
    return found


def calls_of(platform: str, hypervisor: Callable[..., Any] = Papr) -> type[Calls]:
    """The machine on one platform, with any hypervisor, and a tally of its own."""
    return type(
        "Calls", (Calls,),
        {"profile": PROFILES[platform], "make_hypervisor": staticmethod(hypervisor), "tally": Tally()},
    )  # fmt: skip
