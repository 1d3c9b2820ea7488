# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: a guest on a hypervisor, event by event, everything recorded and judged after every step."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from model.events import (
    AddVpmem,
    AllocCoherent,
    AskMask,
    Attach,
    Beginning,
    Detach,
    EehReset,
    Ending,
    Event,
    FreeCoherent,
    Inside,
    Map,
    MapSg,
    Offline,
    OfflineVpmem,
    Online,
    OnlineVpmem,
    Reboot,
    RemoveVpmem,
    Replug,
    SetCoherentMask,
    SetMask,
    Step,
    Unmap,
    UnmapSg,
)
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.interfaces import Answer, Crash, Guest, GuestDevice, Hypervisor, MaskAnswer, Port, Segments
from model.invariants import Scene, Violation, judge
from model.ledger import Crossing, Ledger, Mapping, pieces_of
from model.locks import HOTPLUG_LOCK
from model.possible import is_possible
from model.profiles import Lpar, MultiTce, Profile
from model.recorder import Progress, Recorder
from model.types import BusAddress, Liobn, Pe, PhysAddr, Span


@dataclass(frozen=True, slots=True)
class Done:
    """A step as it went: its calls, its answer, and what other CPUs did meanwhile, each at a point (see `Inside`)."""

    step: Step
    crossings: Sequence[Crossing]
    answer: Answer
    inside: "Sequence[tuple[int, Done]]" = ()


class InvariantBroken(AssertionError):
    """At least one invariant failed after a step; the run is over."""

    def __init__(self, violations: Sequence[Violation], run: "Run") -> None:
        super().__init__("\n".join(f"{v.invariant}: {v.message}" for v in violations))
        self.violations = violations
        self.run = run


def pe_of(number: int) -> Pe:
    """PE number `number`: each sits below a PHB of its own."""
    return Pe((0x28 + number) << 16, 0x800000020000524 + number)


GuestMaker = Callable[[Lpar, Port, Callable[[str], None]], Guest]
HypervisorMaker = Callable[[Profile, Sequence[Pe], MultiTce], Hypervisor]


@dataclass
class Run:
    """A partition of `lpar` on a platform of `profile`, booted with all its devices.

    `step` carries out one event and judges; it raises InvariantBroken, after which the run is over. counts: how often
    each invariant was applied to something. reached: named branches, statuses and failure points that were taken.
    """

    profile: Profile
    lpar: Lpar
    make_guest: GuestMaker = Kernel
    make_hypervisor: HypervisorMaker = Papr
    history: list[Done] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.pes = [pe_of(number) for number in range(self.lpar.pes)]
        self.hypervisor = self.make_hypervisor(self.profile, self.pes, self.lpar.multi_tce)
        self.port = Recorder(self.hypervisor, self.pes, self.ledger, self._aside)
        self.ledger.online = sorted(self.lpar.blocks[k] for k in self.lpar.online)
        self.ledger.vpmem = sorted(self.lpar.vpmem[k] for k in self.lpar.vpmem_at_boot)
        for span in (*self.ledger.online, *self.ledger.vpmem):
            self.hypervisor.assign_memory(span)
        self.mapped = 0
        self.attached = set(range(self.lpar.devices))
        self._steps: list[_UnderWay] = []
        self._broken: list[Violation] = []
        self.guest = self._boot()

    @property
    def reached(self) -> Counter[str]:
        """What has been seen so far."""
        return self.port.reached

    def pe(self, device: int) -> Pe:
        """The PE that a device belongs to."""
        return self.pes[self.lpar.functions[device]]

    def siblings(self, device: int) -> set[int]:
        """The attached devices of its PE, itself among them if it is attached."""
        functions = self.lpar.functions
        return {other for other in self.attached if functions[other] == functions[device]}

    def step(self, step: Step) -> Answer:
        """Carry out one event, record it, and judge what the devices can reach now."""
        self._broken = []
        done, violations = self._live(step, self.port.begin(step))
        self.history.append(done)
        if self._broken or violations:
            raise InvariantBroken([*self._broken, *violations], self)
        return done.answer

    def impossible(self, event: Event) -> str | None:
        """Why an event cannot happen now, None if it can: what platform and drivers themselves keep to."""
        return None if is_possible(self, event) else f"{event} cannot happen here"

    def _live(self, step: Step, progress: Progress) -> tuple[Done, list[Violation]]:
        """One event from its beginning to the verdict on it."""
        event, crash, answer = step.event, None, None
        before = {n: self.guest.view(n) for n in self.attached} if isinstance(event, BEFORE) else {}
        opens = isinstance(event, SetMask) and _has_no_window(before.get(event.device))
        with self._under_way(_UnderWay(event, progress, opens)) as own:
            try:
                answer = self._carry_out(event, own)
                crash = ", ".join(self.port.cpus.held()) + " is never given back" if self.port.cpus.held() else None
            except Crash as reason:
                crash = str(reason)
            if crash is not None and own is self._steps[0]:
                self.port.cpus.abandon()
        self.reached[f"event {type(event).__name__}: {_short(event, answer)}"] += 1
        scene = Scene(self, event, answer, progress.crossings, before, own.left, own.touched, crash)
        violations = judge(scene, self.counts)
        if not self._steps:
            self.ledger.forget_windows(window.liobn for pe in self.pes for window in self.hypervisor.windows(pe))
        if isinstance(event, Ending):
            self.ledger.mappings.pop(event.mapping, None)
        return Done(step, progress.crossings, answer, tuple(own.inside)), violations

    @contextmanager
    def _under_way(self, own: "_UnderWay") -> "Iterator[_UnderWay]":
        """The step is under way: others see that, in what is possible and in how they are judged."""
        event = own.event
        self._steps.append(own)
        self.ledger.under_way.append(event)
        ended = {event.mapping} if isinstance(event, Ending) else set()
        self.ledger.ending |= ended
        try:
            yield own
        finally:
            self._steps.remove(own)
            self.ledger.under_way.remove(event)
            self.ledger.ending -= ended

    def _aside(self, inside: Inside) -> None:
        """What another CPU does in the middle of a step."""
        outer = self._steps[0]
        met = f"{type(inside.step.event).__name__} in {type(outer.event).__name__}"
        if self.impossible(inside.step.event) is not None or self._broken:
            return
        self.reached[f"inside: {met}"] += 1
        done, violations = self._live(inside.step, self.port.now)
        outer.inside.append((inside.after, done))
        outer.touched |= {d for d in (getattr(inside.step.event, "device", None),) if d is not None}
        self._broken += violations

    @property
    def opening(self) -> set[int]:
        """The PEs on which a window is being opened."""
        return {
            self.lpar.functions[own.event.device] for own in self._steps if isinstance(own.event, SetMask) and own.opens
        }

    @property
    def meanwhile(self) -> list[tuple[Liobn, Span[BusAddress]]]:
        """The TCEs that steps under way have named."""
        return [named for own in self._steps for named in self.port.written(own.progress)]

    def _boot(self) -> Guest:
        ram = [block for block in self.ledger.online if block not in self.lpar.vpmem]
        now = Lpar(
            tuple(ram), tuple(range(len(ram))), self.lpar.hotplug_max,
            tuple(self.ledger.vpmem), tuple(range(len(self.ledger.vpmem))), self.lpar.page, self.lpar.multi_tce,
            self.lpar.functions,
        )  # fmt: skip
        self.ledger.online = ram
        self.ledger.masks.clear()
        self.ledger.windowed.clear()
        self.ledger.coherent_masks.clear()
        guest = self.make_guest(now, self.port, self._note)
        for device in sorted(self.attached):
            guest.attach(device, self.hypervisor.properties(self.pe(device)))
        return guest

    def _note(self, branch: str) -> None:
        self.reached[branch] += 1

    def _carry_out(self, event: Event, own: "_UnderWay") -> Answer:  # noqa: PLR0912 one case an event
        match event:
            case Attach(device, frozen):
                node = self.hypervisor.properties(self.pe(device))
                self.guest.attach(device, node._replace(default=None) if frozen else node)
                self.attached.add(device)
            case Detach(device):
                self._detach(device, own)
            case Replug(device):
                self.guest.replug(device)
                self._forget_masks(device)
            case EehReset(device):
                self.hypervisor.eeh_reset(self.pe(device))
            case SetMask(device, mask):
                answer = self.guest.set_dma_mask(device, mask)
                if answer.accepted:
                    self.ledger.masks[device] = mask
                    self.ledger.windowed -= {device}
                    self.ledger.windowed |= set() if _has_no_window(self.guest.view(device)) else {device}
                return answer
            case SetCoherentMask(device, mask):
                accepted = self.guest.set_coherent_mask(device, mask)
                if accepted:
                    self.ledger.coherent_masks[device] = mask
                return accepted
            case AskMask(device):
                return self.guest.required_mask(device)
            case Map() | MapSg() | AllocCoherent():
                return self._begin(event)
            case Unmap(number) | UnmapSg(number) | FreeCoherent(number):
                self._end(self.ledger.mappings[number])
            case Online(number, cancelled):
                return self._online(self.lpar.blocks[number], cancelled)
            case Offline(number, refused):
                return not refused and self._offline(self.lpar.blocks[number])
            case AddVpmem(number):
                self.hypervisor.assign_memory(self.lpar.vpmem[number])
                self.ledger.vpmem = sorted([*self.ledger.vpmem, self.lpar.vpmem[number]])
                self.guest.vpmem_added(self.lpar.vpmem[number])
            case RemoveVpmem(number):
                gone = self.lpar.vpmem[number]
                self.guest.vpmem_removed(gone)
                self.ledger.vpmem = [other for other in self.ledger.vpmem if other != gone]
                self.hypervisor.release_memory(gone)
            case OnlineVpmem(number, cancelled):
                return self._online(self.lpar.vpmem[number], cancelled)
            case OfflineVpmem(number, refused):
                return not refused and self._offline(self.lpar.vpmem[number])
            case Reboot():
                self.hypervisor.reboot()
                self.ledger.lost_default.clear()
                self.ledger.forget(list(self.ledger.refused))
                self.guest = self._boot()
        return None

    def _detach(self, device: int, own: "_UnderWay") -> None:
        """DLPAR remove: the node goes with the last function of its PE, and then the slot is isolated."""
        pe, last = self.pe(device), self.siblings(device) == {device}
        self.guest.detach(device)
        self._forget_masks(device)
        if last:
            own.left = self.port.windows_left(pe)
            self.hypervisor.isolate(pe)
            self.ledger.forget(liobn for liobn, _ in own.left)
            self.ledger.lost_default.discard(self.lpar.functions[device])
        self.attached.discard(device)

    def _forget_masks(self, device: int) -> None:
        self.ledger.masks.pop(device, None)
        self.ledger.windowed.discard(device)
        self.ledger.coherent_masks.pop(device, None)

    def _whole_pages(self, memory: Span[PhysAddr]) -> Span[PhysAddr]:
        """What the kernel maps of a coherent buffer: whole pages of its own."""
        page = 1 << self.lpar.page
        return Span(memory.start, PhysAddr(memory.start + -(-memory.size // page) * page))

    def _begin(self, asked: Beginning) -> Answer:
        """A driver asks for a mapping, which gets the next number if it comes to be."""
        match asked:
            case Map(device, memory, direction, cpu):
                handle = self.guest.map_page(device, memory, direction, cpu)
                elements: Sequence[Span[PhysAddr]] = (memory,)
            case MapSg(device, elements, direction):
                segments = self.guest.map_sg(device, elements, direction, asked.limits, asked.cpu)
                if segments is not None:
                    self._mapped(asked, elements, tuple(segments))
                return None if segments is None else tuple(segments)
            case AllocCoherent(device, memory, mask, cpu):
                handle = self.guest.alloc_coherent(device, memory, mask, cpu)
                elements = (self._whole_pages(memory),)
        if handle is not None:
            self._mapped(asked, elements, (Span(handle, BusAddress(handle + elements[0].size)),))
        return handle

    def _mapped(self, asked: Beginning, elements: Sequence[Span[PhysAddr]], segments: Segments) -> None:
        own_tces = any(crossing.name.startswith("H_PUT") for crossing in self.port.now.crossings)
        pieces = tuple(pieces_of(elements, segments))
        self.ledger.mappings[self.mapped] = Mapping(asked, tuple(elements), segments, pieces, own_tces)
        self.mapped += 1

    def _end(self, mapping: Mapping) -> None:
        match mapping.asked:
            case Map(device, _, direction, _):
                self.guest.unmap_page(device, mapping.segments[0], direction)
            case MapSg(device, memory, direction):
                self.guest.unmap_sg(device, memory, mapping.segments, direction)
            case AllocCoherent(device, memory, mask, _):
                self.guest.free_coherent(device, memory, mapping.segments[0].start, mask)

    def _online(self, block: Span[PhysAddr], cancelled: bool) -> bool:
        """DLPAR add of memory as the core does it: GOING_ONLINE, then ONLINE, or CANCEL_ONLINE if anyone refused.

        vPMEM that becomes system RAM belongs to the partition already.
        """
        is_ram = block not in self.ledger.vpmem
        with self.port.locked(HOTPLUG_LOCK), self.ledger.moves(block):
            if is_ram:
                self.hypervisor.assign_memory(block)
            if self.guest.memory_going_online(block) and not cancelled:
                self.guest.memory_online(block)
                self.ledger.online = sorted([*self.ledger.online, block])
                return True
            self.guest.memory_cancel_online(block)
            if is_ram:
                self.hypervisor.release_memory(block)
            return False

    def _offline(self, block: Span[PhysAddr]) -> bool:
        """DLPAR remove of memory: OFFLINE comes when the block is out of use already, so nobody can refuse it."""
        with self.port.locked(HOTPLUG_LOCK), self.ledger.moves(block):
            self.ledger.online = [other for other in self.ledger.online if other != block]
            agreed = self.guest.memory_offline(block)
            if block not in self.ledger.vpmem:
                self.hypervisor.release_memory(block)
            return agreed


BEFORE = (SetMask, SetCoherentMask, AskMask)
"""Events that are judged by what they change."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A step under way.

    opens: whether it may open a window where there was none. inside: what other CPUs have done in it; touched: the devices
    that had events meanwhile.
    left: after a Detach, before the slot is isolated: the windows of the PE, and whether the guest left TCEs in them.
    """

    event: Event
    progress: Progress
    opens: bool = False
    inside: list[tuple[int, Done]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    left: list[tuple[Liobn, bool]] = field(default_factory=list)


def _has_no_window(view: GuestDevice | None) -> bool:
    return view is None or view.window is None


def _short(event: Event, answer: Answer) -> str:
    if isinstance(event, AskMask):
        return "a mask" if answer else "none"
    if isinstance(answer, MaskAnswer):
        return f"accepted={answer.accepted} bypass={answer.bypass}"
    if isinstance(answer, tuple):
        return "segments"
    return str(answer) if isinstance(answer, bool) or answer is None else "handle"
