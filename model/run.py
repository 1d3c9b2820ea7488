# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: a guest on a hypervisor, event by event, everything recorded and judged after every step."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from model.calls import (
    GetTce,
    Hcall,
    HcallAnswer,
    HcallStatus,
    RtasAnswer,
    RtasCall,
    RtasStatus,
    TceRun,
)
from model.events import (
    ENDING,
    AddVpmem,
    AllocCoherent,
    Attach,
    Beginning,
    Detach,
    Ending,
    Event,
    Fault,
    FreeCoherent,
    Map,
    MapSg,
    Offline,
    Online,
    Reboot,
    RemoveVpmem,
    SetMask,
    Step,
    Unmap,
    UnmapSg,
)
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.interfaces import Answer, Crash, Guest, Hypervisor, MaskAnswer, Port, Segments, WindowView
from model.invariants import Scene, Violation, judge, spans
from model.invariants.scene import indices, valid
from model.ledger import Crossing, Ledger, Mapping, hcall_name, pieces_of
from model.profiles import Lpar, Profile
from model.types import BusAddress, DmaMask, Liobn, Pe, PhysAddr, Span

BITS_32 = DmaMask((1 << 32) - 1)
"""A device's coherent mask until its driver sets another. Linux: pci_setup_device()."""
RESET_CELL = 1
"""Where `ibm,ddw-extensions` holds the token of reset, the count being cell 0. LoPAR table 132."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step as it went: its calls and its answer."""

    step: Step
    crossings: Sequence[Crossing]
    answer: Answer


class InvariantBroken(AssertionError):
    """At least one invariant failed after a step; the run is over."""

    def __init__(self, violations: Sequence[Violation], run: "Run") -> None:
        super().__init__("\n".join(f"{v.invariant}: {v.message}" for v in violations))
        self.violations = violations
        self.run = run


def pe_of(device: int) -> Pe:
    """The PE of device number `device`: each sits below a PHB of its own."""
    return Pe((0x28 + device) << 16, 0x800000020000524 + device)


@dataclass(slots=True, eq=False)
class _Pending:
    """A dictated answer that has not been given yet, and how many calls at its point pass before it."""

    fault: Fault
    skip: int


class Recorder:
    """The port between guest and hypervisor: gives dictated answers, writes down what crosses."""

    def __init__(self, hypervisor: Hypervisor, pes: Sequence[Pe], ledger: Ledger) -> None:
        self._hypervisor = hypervisor
        self._device_of = {pe: number for number, pe in enumerate(pes)}
        self._ledger = ledger
        self._names: dict[int, str] = {}
        for pe in pes:
            properties = hypervisor.properties(pe)
            self._names |= dict(zip(properties.applicable or (), ("query", "create", "remove"), strict=False))
            if len(properties.extensions) > RESET_CELL:
                self._names[properties.extensions[RESET_CELL]] = "reset"
        self.crossings: list[Crossing] = []
        self._pending: list[_Pending] = []
        self.reached: Counter[str] = Counter()

    def begin(self, faults: Iterable[Fault]) -> None:
        """Start a step with its dictated answers."""
        self.crossings = []
        self._pending = [_Pending(fault, fault.skip) for fault in faults]

    def _dictated(self, point: str, calls: int = 1) -> tuple[int, int] | None:
        """The first dictated answer within the next `calls` calls at `point`: (calls before it, answer)."""
        for pending in self._pending:
            if pending.fault.point == point:
                if pending.skip < calls:
                    self._pending.remove(pending)
                    return pending.skip, pending.fault.answer
                pending.skip -= calls
        return None

    def allocate(self, what: str) -> bool:
        """An allocation; fails where a fault says so."""
        failed = self._dictated(f"allocate {what}") is not None
        self.reached[f"allocate {what}: {'fails' if failed else 'succeeds'}"] += 1
        return not failed

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """One RTAS call."""
        name = self._names.get(call.token, "unknown")
        device = self._device(name, call)
        going = self._going(name, call, device)
        dirty = any(self._uncleared(window) for window in going)
        dictated = self._dictated(name)
        if dictated is not None:
            answer = RtasAnswer(RtasStatus(dictated[1]), (0xFFFFFFFF,) * (call.nret - 1))
        else:
            answer = self._hypervisor.rtas(call)
        self.crossings.append(Crossing(name, call, answer, dictated is not None, device, dirty))
        self.reached[f"{name}: {answer.status.name}"] += 1
        self._ledger.note_rtas(name, device, call, answer)
        if answer.status is RtasStatus.SUCCESS:
            self._ledger.forget(window.liobn for window in going)
        return answer

    def hcall(self, call: Hcall) -> HcallAnswer:
        """One hypercall or loop; a dictated answer in the middle of a loop ends it there."""
        name = hcall_name(call)
        window = self._window(call.liobn)
        dictated = self._dictated(name, len(call) if isinstance(call, TceRun) else 1)
        if dictated is None:
            answer = self._hypervisor.hcall(call)
        else:
            answer = HcallAnswer(HcallStatus(dictated[1]))
            if isinstance(call, TceRun) and dictated[0]:
                before = self._hypervisor.hcall(call.prefix(dictated[0]))
                answer = (
                    before if before.status is not HcallStatus.SUCCESS else HcallAnswer(answer.status, done=before.done)
                )
        shift, device = window if window else (None, None)
        self.crossings.append(Crossing(name, call, answer, dictated is not None, device, page_shift=shift))
        self.reached[f"{name}: {answer.status.name}"] += 1
        if not isinstance(call, GetTce):
            self._ledger.note_hcall(call, answer, 1 << (shift or 12))
        return answer

    def _window(self, liobn: int) -> tuple[int, int] | None:
        for pe, device in self._device_of.items():
            for window in self._hypervisor.windows(pe):
                if window.liobn == liobn:
                    return window.page_shift, device
        return None

    def _device(self, name: str, call: RtasCall) -> int | None:
        if name == "remove":
            window = self._window(call.args[0]) if call.args else None
            return window[1] if window else None
        if len(call.args) < 3:
            return None
        return self._device_of.get(Pe(call.args[0], call.args[1] << 32 | call.args[2]))

    def windows_left(self, device: int) -> list[tuple[Liobn, bool]]:
        """The windows of a PE, and whether each holds a valid TCE that the guest was not refused to clear."""
        return [(window.liobn, self._uncleared(window)) for window in self._hypervisor.windows(pe_of(device))]

    def _going(self, name: str, call: RtasCall, device: int | None) -> list[WindowView]:
        """The windows that a remove or reset takes away."""
        if device is None or name not in ("remove", "reset"):
            return []
        return [w for w in self._hypervisor.windows(pe_of(device)) if name == "reset" or w.liobn == call.args[0]]

    def _uncleared(self, window: WindowView) -> bool:
        """Whether a window holds a valid TCE that the guest was not refused to clear."""
        excused = spans.union(indices(window, span) for span in self._ledger.excused(window.liobn))
        return bool(spans.difference(valid(window, window.span), excused))


GuestMaker = Callable[[Lpar, Port, Callable[[str], None]], Guest]
HypervisorMaker = Callable[[Profile, Sequence[Pe], bool], Hypervisor]


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
        self.pes = [pe_of(number) for number in range(self.lpar.devices)]
        self.hypervisor = self.make_hypervisor(self.profile, self.pes, self.lpar.multi_tce)
        self.port = Recorder(self.hypervisor, self.pes, self.ledger)
        self.ledger.online = sorted(self.lpar.blocks[k] for k in self.lpar.online)
        self.ledger.vpmem = sorted(self.lpar.vpmem[k] for k in self.lpar.vpmem_at_boot)
        for span in (*self.ledger.online, *self.ledger.vpmem):
            self.hypervisor.assign_memory(span)
        self.mapped = 0
        self.attached = set(range(self.lpar.devices))
        self.guest = self._boot()

    @property
    def reached(self) -> Counter[str]:
        """What has been seen so far."""
        return self.port.reached

    def step(self, step: Step) -> Answer:
        """Carry out one event, record it, and judge what the devices can reach now."""
        self.port.begin(step.faults)
        self.left: list[tuple[Liobn, bool]] = []
        before = {n: self.guest.view(n) for n in self.attached} if isinstance(step.event, SetMask) else {}
        crash = None
        try:
            answer = self._carry_out(step.event)
        except Crash as reason:
            answer, crash = None, str(reason)
        self.reached[f"event {type(step.event).__name__}: {_short(answer)}"] += 1
        self.history.append(Done(step, self.port.crossings, answer))
        scene = Scene(self.profile, self.lpar, self.hypervisor, self.guest, self.ledger, self.pes, self.attached,
                      step.event, answer, self.port.crossings, before, self.left, crash)  # fmt: skip
        violations = judge(scene, self.counts)
        self.ledger.forget_windows(window.liobn for pe in self.pes for window in self.hypervisor.windows(pe))
        if isinstance(step.event, Ending):
            self.ledger.mappings.pop(step.event.mapping, None)
        if violations:
            raise InvariantBroken(violations, self)
        return answer

    def impossible(self, event: Event) -> str | None:
        """Why an event cannot happen now, None if it can: what platform and drivers themselves keep to."""
        ledger, lpar = self.ledger, self.lpar
        match event:
            case Attach(device):
                bad = device in self.attached or not 0 <= device < lpar.devices
            case Detach(device):
                bad = device not in self.attached or any(m.device == device for m in ledger.mappings.values())
            case SetMask(device, mask):
                bad = device not in self.attached or not 0 < mask < 1 << 64
            case Map(device, memory, _, _):
                exists = any(span.covers(memory) for span in (*ledger.online, *ledger.vpmem))
                bad = device not in self.attached or not exists
            case MapSg():
                bad = event.device not in self.attached or not self._is_scatterlist(event)
            case AllocCoherent():
                bad = event.device not in self.attached or not self._is_coherent(event)
            case Unmap(number) | UnmapSg(number) | FreeCoherent(number):
                mapping = ledger.mappings.get(number)
                bad = mapping is None or ENDING[type(mapping.asked)] is not type(event)
            case Online(number):
                bad = not 0 <= number < len(lpar.blocks) or lpar.blocks[number] in ledger.online
            case Offline(number):
                bad = not 0 <= number < len(lpar.blocks) or lpar.blocks[number] not in ledger.online
                bad = bad or self._in_use(lpar.blocks[number])
            case AddVpmem(number):
                bad = not 0 <= number < len(lpar.vpmem) or lpar.vpmem[number] in ledger.vpmem
            case RemoveVpmem(number):
                bad = not 0 <= number < len(lpar.vpmem) or lpar.vpmem[number] not in ledger.vpmem
                bad = bad or self._in_use(lpar.vpmem[number])
            case Reboot():
                bad = bool(ledger.mappings)
        return f"{event} cannot happen here" if bad else None

    def _in_use(self, memory: Span[PhysAddr]) -> bool:
        return any(element.touches(memory) for m in self.ledger.mappings.values() for element in m.elements)

    def _is_scatterlist(self, event: MapSg) -> bool:
        """Whether a driver may hand over such a list: its elements exist and keep to the limits in memory already."""
        memory, boundary = (*self.ledger.online, *self.ledger.vpmem), event.boundary
        if not event.memory or not 0 < event.longest < 1 << 32 or boundary < 0xFFF or boundary & (boundary + 1):
            return False
        return all(
            0 < element.size <= event.longest
            and (element.start ^ (element.stop - 1)) & ~boundary == 0
            and any(span.covers(element) for span in memory)
            for element in event.memory
        )

    def _is_coherent(self, event: AllocCoherent) -> bool:
        """Whether the page allocator may give such memory, and the device may have such a mask."""
        view = self.guest.view(event.device)
        if event.memory.size == 0 or view is None or event.mask not in (BITS_32, view.mask):
            return False
        block = 1 << max(self.lpar.page, (event.memory.size - 1).bit_length())
        whole = Span(event.memory.start, PhysAddr(event.memory.start + block))
        return whole.start % block == 0 and any(span.covers(whole) for span in self.ledger.online)

    def _boot(self) -> Guest:
        now = Lpar(
            tuple(self.ledger.online), tuple(range(len(self.ledger.online))), self.lpar.hotplug_max,
            tuple(self.ledger.vpmem), tuple(range(len(self.ledger.vpmem))), self.lpar.page, self.lpar.multi_tce,
            self.lpar.devices,
        )  # fmt: skip
        guest = self.make_guest(now, self.port, self._note)
        for device in sorted(self.attached):
            guest.attach(device, self.hypervisor.properties(self.pes[device]))
        return guest

    def _note(self, branch: str) -> None:
        self.reached[branch] += 1

    def _carry_out(self, event: Event) -> Answer:
        match event:
            case Attach(device):
                self.guest.attach(device, self.hypervisor.properties(self.pes[device]))
                self.attached.add(device)
            case Detach(device):
                self.guest.detach(device)
                self.left = self.port.windows_left(device)
                self.hypervisor.isolate(self.pes[device])
                self.ledger.forget(liobn for liobn, _ in self.left)
                self.attached.discard(device)
                self.ledger.lost_default.discard(device)
            case SetMask(device, mask):
                return self.guest.set_dma_mask(device, mask)
            case Map() | MapSg() | AllocCoherent():
                return self._begin(event)
            case Unmap(number) | UnmapSg(number) | FreeCoherent(number):
                self._end(self.ledger.mappings[number])
            case Online(number, cancelled):
                return self._online(number, cancelled)
            case Offline(number, refused):
                return not refused and self._offline(number)
            case AddVpmem(number):
                self.hypervisor.assign_memory(self.lpar.vpmem[number])
                self.ledger.vpmem = sorted([*self.ledger.vpmem, self.lpar.vpmem[number]])
                self.guest.vpmem_added(self.lpar.vpmem[number])
            case RemoveVpmem(number):
                gone = self.lpar.vpmem[number]
                self.guest.vpmem_removed(gone)
                self.ledger.vpmem = [other for other in self.ledger.vpmem if other != gone]
                self.hypervisor.release_memory(gone)
            case Reboot():
                self.hypervisor.reboot()
                self.ledger.lost_default.clear()
                self.ledger.forget(list(self.ledger.refused))
                self.guest = self._boot()
        return None

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
        own_tces = any(crossing.name.startswith("H_PUT") for crossing in self.port.crossings)
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

    def _online(self, number: int, cancelled: bool) -> bool:
        """DLPAR add of memory as the core does it: GOING_ONLINE, then ONLINE, or CANCEL_ONLINE if anyone refused."""
        block = self.lpar.blocks[number]
        self.hypervisor.assign_memory(block)
        if self.guest.memory_going_online(block) and not cancelled:
            self.guest.memory_online(block)
            self.ledger.online = sorted([*self.ledger.online, block])
            return True
        self.guest.memory_cancel_online(block)
        self.hypervisor.release_memory(block)
        return False

    def _offline(self, number: int) -> bool:
        """DLPAR remove of memory: OFFLINE comes when the block is out of use already, so nobody can refuse it."""
        block = self.lpar.blocks[number]
        self.ledger.online = [other for other in self.ledger.online if other != block]
        agreed = self.guest.memory_offline(block)
        self.hypervisor.release_memory(block)
        return agreed


def _short(answer: Answer) -> str:
    if isinstance(answer, MaskAnswer):
        return f"accepted={answer.accepted} bypass={answer.bypass}"
    if isinstance(answer, tuple):
        return "segments"
    return str(answer) if isinstance(answer, bool) or answer is None else "handle"
