# SPDX-License-Identifier: GPL-2.0-or-later
"""The port between guest and hypervisor: gives dictated answers, writes down what crosses, lets other CPUs in."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from model.calls import GetRun, GetTce, Hcall, HcallAnswer, HcallStatus, RtasAnswer, RtasCall, RtasStatus, TceRun
from model.cpus import Cpus, KernelGone
from model.events import Fault, Inside, Step
from model.interfaces import Hypervisor, WindowView
from model.invariants import spans
from model.invariants.scene import indices, valid
from model.ledger import Crossing, Ledger, hcall_name, pieces
from model.locks import Lock
from model.types import BusAddress, Liobn, Pe, Span

RESET_CELL = 1
"""Where `ibm,ddw-extensions` holds the token of reset, the count being cell 0. LoPAR table 132."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A dictated answer that has not been given yet, and how many calls at its point pass before it."""

    fault: Fault
    skip: int


@dataclass(slots=True, eq=False)
class Progress:
    """A step under way: what crossed, what is still dictated, which other events are to come, and the points passed.

    current: the call that waits at a point, if one does. lacked: what could not be allocated.
    """

    crossings: list[Crossing] = field(default_factory=list)
    pending: list[_Pending] = field(default_factory=list)
    to_come: list[Inside] = field(default_factory=list)
    points: int = 0
    current: Hcall | None = None
    lacked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, step: Step) -> "Progress":
        """A step that begins."""
        to_come = sorted(step.inside, key=lambda inside: inside.after)
        return cls([], [_Pending(fault, fault.skip) for fault in step.faults], to_come)

    def dictated(self, point: str, calls: int = 1) -> tuple[int, int] | None:
        """The first dictated answer within the next `calls` calls at `point`: (calls before it, answer)."""
        for pending in self.pending:
            if pending.fault.point == point:
                if pending.skip < calls:
                    self.pending.remove(pending)
                    return pending.skip, pending.fault.answer
                pending.skip -= calls
        return None


class Recorder:
    """The port. aside: carries out what another CPU does at a point."""

    def __init__(
        self, hypervisor: Hypervisor, pes: Sequence[Pe], ledger: Ledger, aside: Callable[[Inside], None]
    ) -> None:
        self._hypervisor = hypervisor
        self._number_of = {pe: number for number, pe in enumerate(pes)}
        self._ledger, self._aside = ledger, aside
        self._names: dict[int, str] = {}
        for pe in pes:
            properties = hypervisor.properties(pe)
            self._names |= dict(zip(properties.applicable or (), ("query", "create", "remove"), strict=False))
            if len(properties.extensions) > RESET_CELL:
                self._names[properties.extensions[RESET_CELL]] = "reset"
        self.cpus = Cpus(Progress())
        self.reached: Counter[str] = Counter()
        self._gone = False

    @property
    def now(self) -> Progress:
        """The step of the CPU that runs."""
        return self.cpus.running.context

    def begin(self, step: Step) -> Progress:
        """Start a step on the CPU that runs."""
        self._gone = False
        self.cpus.running.context = Progress.of(step)
        return self.now

    def crash(self) -> None:
        """The kernel crashes here: KernelGone, as from whatever its stacks still call while they unwind."""
        self._gone = True
        raise KernelGone

    @property
    def watched(self) -> bool:
        """Whether another CPU is still to come in."""
        return bool(self.now.to_come)

    def allocate(self, what: str, sleeps: bool = False) -> bool:
        """An allocation; fails where a fault says so."""
        if self._gone:
            raise KernelGone
        if sleeps:
            self._point()
        failed = bool(self.now.pending) and self.now.dictated(f"allocate {what}") is not None
        self.reached[f"allocate {what}: {'fails' if failed else 'succeeds'}"] += 1
        self.now.lacked += [what] * failed
        return not failed

    def locked(self, lock: Lock) -> AbstractContextManager[None]:
        """Hold a lock; where it is given back, other CPUs may come in."""
        return self.cpus.locked(lock, self._waited, self._point)

    def _waited(self, lock: Lock) -> None:
        self.reached[f"waited for {lock.split()[0]}"] += 1

    def _point(self, call: Hcall | None = None) -> None:
        """Let in what other CPUs do here."""
        now = self.now
        if self._gone:
            raise KernelGone
        if not now.to_come:
            return
        now.current = call
        while now.to_come and now.to_come[0].after <= now.points:
            inside = now.to_come.pop(0)
            self.cpus.interrupt(Progress.of(inside.step), lambda: self._aside(inside))  # noqa: B023 runs at once
        now.points += 1
        now.current = None

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """One RTAS call."""
        self._point()
        now = self.now
        name = self._names.get(call.token, "unknown")
        pe = self._pe(name, call)
        going = self._going(name, call, pe)
        dirty = next((window.span for window in going if self._uncleared(window)), None)
        dictated = now.dictated(name)
        if dictated is not None:
            answer = RtasAnswer(RtasStatus(dictated[1]), (0xFFFFFFFF,) * (call.nret - 1))
        else:
            answer = self._hypervisor.rtas(call)
        now.crossings.append(Crossing(name, call, answer, dictated is not None, pe, dirty))
        self.reached[f"{name}: {answer.status.name}"] += 1
        self._ledger.note_rtas(name, pe, call, answer)
        if answer.status is RtasStatus.SUCCESS:
            self._ledger.forget(window.liobn for window in going)
        return answer

    def hcall(self, call: Hcall) -> HcallAnswer:
        """One hypercall or loop; a dictated answer in the middle of a loop ends it there."""
        self._point(call)
        now = self.now
        name = hcall_name(call)
        window = self._window(call.liobn)
        dictated = now.dictated(name, len(call) if isinstance(call, TceRun | GetRun) else 1) if now.pending else None
        if dictated is None:
            answer = self._hypervisor.hcall(call)
        else:
            answer = HcallAnswer(HcallStatus(dictated[1]))
            if isinstance(call, TceRun | GetRun) and dictated[0]:
                before = self._hypervisor.hcall(call.prefix(dictated[0]))
                done = before.status is HcallStatus.SUCCESS
                answer = replace(before, status=answer.status) if done else before
        shift, pe = window if window else (None, None)
        now.crossings.append(Crossing(name, call, answer, dictated is not None, pe, page_shift=shift))
        self.reached[f"{name}: {answer.status.name}"] += 1
        if isinstance(call, GetRun):
            self._ledger.note_read(call, answer)
        elif not isinstance(call, GetTce):
            self._ledger.note_hcall(call, answer, 1 << (shift or 12))
        return answer

    def written(self, progress: Progress) -> list[tuple[Liobn, Span[BusAddress]]]:
        """The TCEs that a step under way has named, or is about to name, by bus addresses."""
        found = []
        for crossing in progress.crossings:
            if isinstance(crossing.answer, HcallAnswer) and not isinstance(crossing.call, RtasCall):
                done = pieces(crossing.call, crossing.answer, 1 << (crossing.page_shift or 12))
                found += [(crossing.call.liobn, span) for span, _, _ in done]
        if progress.current is not None:
            call, window = progress.current, self._window(progress.current.liobn)
            whole = HcallAnswer(HcallStatus.SUCCESS, done=len(call) if isinstance(call, TceRun) else 1)
            found += [(call.liobn, span) for span, _, _ in pieces(call, whole, 1 << (window[0] if window else 12))]
        return found

    def windows_left(self, pe: Pe) -> list[tuple[WindowView, bool]]:
        """The windows of a PE, and whether each holds a valid TCE that the guest was not refused to clear."""
        return [(window, self._uncleared(window)) for window in self._hypervisor.windows(pe)]

    def _window(self, liobn: int) -> tuple[int, int] | None:
        """Page shift of a window, and the number of its PE."""
        for pe, number in self._number_of.items():
            for window in self._hypervisor.windows(pe):
                if window.liobn == liobn:
                    return window.page_shift, number
        return None

    def _pe(self, name: str, call: RtasCall) -> int | None:
        if name == "remove":
            window = self._window(call.args[0]) if call.args else None
            return window[1] if window else None
        if len(call.args) < 3:
            return None
        return self._number_of.get(Pe(call.args[0], call.args[1] << 32 | call.args[2]))

    def _going(self, name: str, call: RtasCall, number: int | None) -> list[WindowView]:
        """The windows that a remove or reset takes away."""
        if number is None or name not in ("remove", "reset"):
            return []
        pe = next(pe for pe, other in self._number_of.items() if other == number)
        return [w for w in self._hypervisor.windows(pe) if name == "reset" or w.liobn == call.args[0]]

    def _uncleared(self, window: WindowView) -> bool:
        """Whether a window holds a valid TCE that the guest was not refused to clear."""
        excused = spans.union(indices(window, span) for span in self._ledger.excused(window.liobn))
        return bool(spans.difference(valid(window, window.span), excused))
