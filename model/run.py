# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: a guest on a hypervisor, event by event, everything recorded and judged after every step."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from model.cpus import KernelGone
from model.events import (
    AddVpmem,
    AllocCoherent,
    AskMask,
    Attach,
    Beginning,
    CreateTable,
    Detach,
    EehReset,
    Ending,
    Event,
    FreeCoherent,
    Inside,
    Kdump,
    Kexec,
    Map,
    MapSg,
    MapUser,
    Offline,
    OfflineVpmem,
    Online,
    OnlineVpmem,
    Ownership,
    Reboot,
    ReleaseOwnership,
    RemoveVpmem,
    Replug,
    SetCoherentMask,
    SetMask,
    SetWindow,
    Step,
    TakeOwnership,
    Unmap,
    UnmapSg,
    UnmapUser,
    UnsetWindow,
)
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.interfaces import (
    Answer,
    Boot,
    Crash,
    DdwProperties,
    Guest,
    GuestDevice,
    Hypervisor,
    MaskAnswer,
    Port,
    Segments,
    WindowView,
)
from model.invariants import Scene, Violation, judge
from model.invariants.scene import granting
from model.ledger import Crossing, Dump, Ledger, Mapping, pieces_of
from model.locks import HOTPLUG_LOCK
from model.possible import BITS_32, is_possible
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
    """At least one invariant failed after a step; the run is over.

    seen: each violation with the event after which it was seen, which may be one that another CPU had in the middle.
    """

    def __init__(self, seen: Sequence[tuple[Event, Violation]], run: "Run") -> None:
        super().__init__("\n".join(f"{v.invariant}: {v.message}" for _, v in seen))
        self.seen = seen
        self.run = run

    @property
    def violations(self) -> list[Violation]:
        """What is violated."""
        return [violation for _, violation in self.seen]


def pe_of(number: int) -> Pe:
    """PE number `number`: each sits below a PHB of its own."""
    return Pe((0x28 + number) << 16, 0x800000020000524 + number)


GuestMaker = Callable[[Lpar, Port, Callable[[str], None], Boot], Guest]
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
        self.ledger.online = self.lpar.ram_at_boot
        self.ledger.vpmem = sorted(self.lpar.vpmem[k] for k in self.lpar.vpmem_at_boot)
        for span in (*(self.lpar.blocks[k] for k in self.lpar.online), *self.ledger.vpmem):
            self.hypervisor.assign_memory(span)
        self.mapped = 0
        self.attached = set(range(self.lpar.devices))
        self._steps: list[_UnderWay] = []
        self._broken: list[tuple[Event, Violation]] = []
        self._crashed: _Crashed | None = None
        self._given_back: set[int] = set()
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

    def ends(self, event: Event) -> set[int]:
        """The mappings that an event ends."""
        if isinstance(event, Ending):
            return {event.mapping}
        if not isinstance(event, UnsetWindow):
            return set()
        siblings = self.siblings(event.device)
        return {
            number
            for number, mapping in self.ledger.mappings.items()
            if isinstance(mapping.asked, MapUser)
            and mapping.asked.number == event.number
            and mapping.device in siblings
        }

    def step(self, step: Step) -> Answer:
        """Carry out one event, record it, and judge what the devices can reach now."""
        self._broken = []
        progress = self.port.begin(step)
        try:
            done, violations = self._live(step, progress)
            self._broken += [(step.event, violation) for violation in violations]
        except KernelGone:
            done = self._cut_off(step, progress)
        self.history.append(done)
        if self._broken:
            raise InvariantBroken(self._broken, self)
        return done.answer

    def impossible(self, event: Event) -> str | None:
        """Why an event cannot happen now, None if it can: what platform and drivers themselves keep to."""
        return None if is_possible(self, event) else f"{event} cannot happen here"

    def _live(self, step: Step, progress: Progress) -> tuple[Done, list[Violation]]:
        """One event from its beginning to the verdict on it."""
        event, crash, answer, ended = step.event, None, None, self.ends(step.event)
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
        if isinstance(event, SetMask) and self.lpar.functions[event.device] in self._given_back:
            self.reached[f"back to the host: {_short(event, answer)}"] += 1
        scene = Scene(self, event, answer, progress, before, own.left, own.touched, crash)
        violations = judge(scene, self.counts)
        if not self._steps:
            self.ledger.forget_windows(window.liobn for pe in self.pes for window in self.hypervisor.windows(pe))
        for number in ended:
            self.ledger.mappings.pop(number, None)
        return Done(step, progress.crossings, answer, tuple(own.inside)), violations

    @contextmanager
    def _under_way(self, own: "_UnderWay") -> "Iterator[_UnderWay]":
        """The step is under way: others see that, in what is possible and in how they are judged."""
        event = own.event
        self._steps.append(own)
        self.ledger.under_way.append(event)
        ended = self.ends(event)
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
        if isinstance(inside.step.event, Kdump):
            self._crashed = _Crashed(self._device_tree(), self.opening, outer.inside)
            self.port.crash()
        done, violations = self._live(inside.step, self.port.now)
        outer.inside.append((inside.after, done))
        outer.touched |= {d for d in (getattr(inside.step.event, "device", None),) if d is not None}
        self._broken += [(inside.step.event, violation) for violation in violations]

    def _cut_off(self, step: Step, progress: Progress) -> Done:
        """A step in whose middle the kernel crashed: not judged, but what the kernel that dumps it does is."""
        assert self._crashed is not None
        self.port.cpus.abandon()
        before = self._crashed.before
        inside = next(inside for inside in step.inside if isinstance(inside.step.event, Kdump))
        dump, violations = self._live(inside.step, self.port.begin(inside.step))
        self._broken += [(inside.step.event, violation) for violation in violations]
        return Done(step, progress.crossings, None, (*before, (inside.after, dump)))

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

    def _boot(self, boot: Boot = Boot.FIRMWARE, nodes: dict[int, DdwProperties] | None = None) -> Guest:
        """A kernel comes to run. nodes: by device, what one before it hands on; otherwise firmware says what there is."""
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
        if boot is Boot.FIRMWARE:
            self.ledger.frozen.clear()
        guest = self.make_guest(now, self.port, self._note, boot)
        for device in sorted(self.attached):
            guest.attach(device, nodes[device] if nodes else self.hypervisor.properties(self.pe(device)))
        return guest

    def _replace_kernel(self, event: Kexec | Kdump) -> None:
        """Another kernel runs in the place of this one; windows stay, and after a crash all that devices do."""
        if isinstance(event, Kexec):
            self.guest = self._boot(Boot.KEXEC, self._device_tree())
            return
        crashed = self._crashed or _Crashed(self._device_tree(), set())
        named = {self.lpar.functions[device] for device, node in crashed.tree.items() if node.default or node.inherited}
        windows = [(number, window) for number, pe in enumerate(self.pes) for window in self.hypervisor.windows(pe)]
        left = {(number, window.liobn): granting(window) for number, window in windows}
        left = {key: tces for key, tces in left.items() if tces}
        self.ledger.dump = Dump(tuple(self.ledger.online), left, frozenset(named - crashed.opening))
        self.ledger.online = [event.memory]
        self.ledger.mappings.clear()
        self.attached, self._crashed = set(crashed.tree), None
        self.guest = self._boot(Boot.KDUMP, crashed.tree)

    def _device_tree(self) -> dict[int, DdwProperties]:
        """The nodes of the devices that the kernel knows, as they are now."""
        return {
            device: self.guest.properties(device) for device in self.attached if self.guest.view(device) is not None
        }

    def _reboot(self) -> None:
        """Firmware starts the kernel anew, with the memory that there is."""
        if self.ledger.dump is not None:
            self.ledger.online, self.ledger.dump = list(self.ledger.dump.online), None
        self.hypervisor.reboot()
        self.ledger.lost_default.clear()
        self.ledger.forget(list(self.ledger.refused))
        self.guest = self._boot()

    def _note(self, branch: str) -> None:
        self.reached[branch] += 1

    def _carry_out(self, event: Event, own: "_UnderWay") -> Answer:  # noqa: PLR0912 one case an event
        match event:
            case Attach(device, frozen):
                node = self.hypervisor.properties(self.pe(device))
                self.guest.attach(device, node._replace(default=None) if frozen else node)
                if frozen and not self.siblings(device):
                    self.ledger.frozen.add(self.lpar.functions[device])
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
                    if _has_no_window(self.guest.view(device)):
                        self.ledger.windowed.discard(device)
                    elif mask > BITS_32:
                        self.ledger.windowed.add(device)
                return answer
            case SetCoherentMask(device, mask):
                accepted = self.guest.set_coherent_mask(device, mask)
                if accepted:
                    self.ledger.coherent_masks[device] = mask
                return accepted
            case AskMask(device):
                return self.guest.required_mask(device)
            case TakeOwnership() | CreateTable() | SetWindow() | UnsetWindow() | ReleaseOwnership():
                return self._change_hands(event)
            case Map() | MapSg() | AllocCoherent() | MapUser():
                return self._begin(event)
            case Unmap(number) | UnmapSg(number) | FreeCoherent(number) | UnmapUser(number):
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
            case Kexec() | Kdump():
                self._replace_kernel(event)
            case Reboot():
                self._reboot()
        return None

    def _detach(self, device: int, own: "_UnderWay") -> None:
        """DLPAR remove: the node goes with the last function of its PE, and then the slot is isolated."""
        pe, last = self.pe(device), self.siblings(device) == {device}
        self.guest.detach(device)
        self._forget_masks(device)
        if last:
            own.left = self.port.windows_left(pe)
            self.hypervisor.isolate(pe)
            self.ledger.forget(window.liobn for window, _ in own.left)
            self.ledger.lost_default.discard(self.lpar.functions[device])
            self.ledger.frozen.discard(self.lpar.functions[device])
        self.attached.discard(device)

    def _change_hands(self, event: Ownership) -> Answer:
        """What user space does with a PE; the IOMMU core goes through all functions of the group."""
        pe, group = self.lpar.functions[event.device], sorted(self.siblings(event.device))
        owned = self.ledger.owned
        match event:
            case TakeOwnership():
                taken = self._take(group)
                owned |= {pe: {}} if taken else {}
                return taken
            case CreateTable(device, number, page_shift, window_size, levels):
                start = self.guest.create_table(device, number, page_shift, window_size, levels)
                owned[pe] |= {number: False} if start is not None else {}
                return start
            case SetWindow(device, number, source):
                agreed = self.guest.set_window(device, number, source)
                owned[pe] |= {number: True} if agreed and number in owned[pe] else {}
                return agreed
            case UnsetWindow(device, number):
                del owned[pe][number]
                return self.guest.unset_window(device, number)
            case ReleaseOwnership():
                for function in group:
                    self.guest.release_ownership(function)
                del owned[pe]
                self._given_back.add(pe)
        return None

    def _take(self, group: Sequence[int]) -> bool:
        """The functions before one that is refused are given back. Linux: __iommu_group_set_domain_internal()."""
        if len(group) > 1:
            self.reached["several functions change hands"] += 1
        self.ledger.windowed -= set(group)
        for number, function in enumerate(group):
            if not self.guest.take_ownership(function):
                for taken in group[:number]:
                    self.guest.release_ownership(taken)
                return False
        return True

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
            case MapUser(device, number, iova, memory, direction):
                handle = self.guest.map_user(device, number, iova, memory, direction)
                elements = (memory,)
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
            case MapUser(device, number):
                self.guest.unmap_user(device, number, mapping.segments[0])

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


BEFORE = (SetMask, SetCoherentMask, AskMask, CreateTable)
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
    left: list[tuple[WindowView, bool]] = field(default_factory=list)


class _Crashed(NamedTuple):
    """A kernel that has crashed: its device tree, the PEs on which it was opening a window, and what other CPUs had done in
    the event in whose middle it was, if it was in one.
    """

    tree: dict[int, DdwProperties]
    opening: set[int]
    before: Sequence[tuple[int, Done]] = ()


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
