# SPDX-License-Identifier: GPL-2.0-or-later
"""The life-cycle machine: draws events, leaves everything else to `model.run`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from zlib import crc32

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from model.events import (
    ENDING,
    AddVpmem,
    AllocCoherent,
    AskMask,
    Attach,
    Detach,
    EehReset,
    Event,
    Fault,
    Inside,
    Kdump,
    Kexec,
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
    TakeOwnership,
)
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.possible import BITS_32
from model.profiles import PROFILES, Lpar, Profile
from model.run import Run
from model.types import Direction, DmaMask, SegmentLimits
from properties import owners
from properties import strategies as own
from properties.goals import ends_of, shapes_of
from properties.strategies import (
    Beside,
    Interruption,
    Meanwhile,
    Place,
    Strength,
    Then,
    coherent_memory,
    configurations,
    faults,
    meanwhile,
    place,
    scatter,
)

Faults = tuple[Fault, ...]


@dataclass
class Tally:
    """What the examples of one machine did: steps, branches reached, and how often each invariant was applied."""

    examples: int = 0
    steps: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)

    def add(self, run: Run) -> None:
        """Add one finished example."""
        self.examples += 1
        self.steps += len(run.history)
        self.reached.update(run.reached)
        self.reached.update(shapes_of(run))
        self.reached.update({f"invariant {name}": count for name, count in run.counts.items()})
        self.checks.update(run.counts)

    def report(self, family: str, machine: str, goals: Sequence[str], parts: int) -> dict[str, object]:
        """The tally as plain data: of `machine`, one of the family's `parts`, which together must reach `goals`."""
        return {
            "family": family, "machine": machine, "examples": self.examples, "steps": self.steps,
            "reached": dict(self.reached), "checks": dict(self.checks), "goals": list(goals), "parts": parts,
        }  # fmt: skip


M = TypeVar("M", bound=RuleBasedStateMachine)


def written_briefly(machine: type[M]) -> type[M]:
    """The machine, of which Hypothesis writes each rule by its name alone.

    It writes all rules down whenever it has drawn one in vain, otherwise with everything that their arguments are sampled
    from: half a megabyte each time.
    """
    for each in machine.setup_state().rules:
        each._cached_repr = each.function.__name__
    return machine


@written_briefly
class LifeCycle(RuleBasedStateMachine):
    """A partition on a platform; subclasses say which (`machine_of`)."""

    platform: ClassVar[str]
    strength: ClassVar[Strength]
    make_guest: ClassVar[Callable[..., Any]] = Kernel
    make_hypervisor: ClassVar[Callable[..., Any]] = Papr
    tally: ClassVar[Tally]

    run: Run

    @initialize(data=st.data())
    def boot(self, data: st.DataObject) -> None:
        """Boot the partition with all its devices, and probe some of them."""
        profile, lpar, probes = data.draw(configurations(self.platform, self.strength))
        self.run = self.start(profile, lpar)
        for device, (bits, dictated) in enumerate(probes):
            self.do(SetMask(device, DmaMask((1 << bits) - 1)), dictated)

    def start(self, profile: Profile, lpar: Lpar) -> Run:
        """The partition, booted."""
        return Run(profile, lpar, type(self).make_guest, type(self).make_hypervisor)

    def do(self, event: Event, dictated: Faults = (), inside: tuple[Inside, ...] = ()) -> None:
        """Carry out an event if it can happen now."""
        if self.run.impossible(event) is None:
            before = self.run.mapped
            self.run.step(Step(event, dictated, inside))
            if self.run.mapped > before:
                self.run.reached.update(ends_of(self.run))

    def beside(self, drawn: Meanwhile) -> tuple[Inside, ...]:
        """What another CPU does, as far as there is something to do it with."""
        if drawn is None:
            return ()
        kind, after, which = drawn
        event = self.other_event(kind, which)
        return () if event is None else (Inside(after, Step(event)),)

    def other_event(self, kind: Beside, which: int) -> Event | None:
        """An event of another CPU."""
        run, ledger, devices = self.run, self.run.ledger, sorted(self.run.attached)
        blocks = [n for n, b in enumerate(run.lpar.blocks) if (b in ledger.online) == (kind is Beside.OFFLINE)]
        memory, live = [*ledger.vpmem, *ledger.online], list(ledger.mappings)
        match kind:
            case Beside.ONLINE if blocks:
                return Online(blocks[which % len(blocks)])
            case Beside.OFFLINE if blocks:
                return Offline(blocks[which % len(blocks)])
            case Beside.PROBE if devices:
                return SetMask(devices[which % len(devices)], DmaMask((1 << 64) - 1))
            case Beside.DETACH if devices:
                return Detach(devices[which % len(devices)])
            case Beside.MAP if devices and memory:
                span = place(memory[which % len(memory)], Place.MIDDLE, 4096, 0)
                return Map(devices[which % len(devices)], span, Direction.BIDIRECTIONAL, 1)
            case Beside.UNMAP if live:
                number = live[which % len(live)]
                return ENDING[type(ledger.mappings[number].asked)](number)
            case Beside.CRASH:
                return self.crash(which)
        return None

    def crash(self, which: int) -> Kdump | None:
        """A crash that the kernel survives in memory that no driver uses."""
        run = self.run
        spans = (own.set_aside(block, which + k, run.lpar.page) for block in run.ledger.online for k in range(4))
        return next((event for event in map(Kdump, spans) if run.impossible(event) is None), None)

    def teardown(self) -> None:
        """Add what was seen to the tally."""
        if hasattr(self, "run"):
            self.tally.add(self.run)

    def has_mappings(self) -> bool:
        """Whether a driver has something mapped."""
        return bool(self.run.ledger.mappings)

    def has_vpmem(self) -> bool:
        """Whether the partition knows of vPMEM."""
        return bool(self.run.lpar.vpmem)

    def device(self, number: int) -> int:
        """One of the attached devices."""
        attached = sorted(self.run.attached)
        return attached[number % len(attached)]

    def has_devices(self) -> bool:
        """Whether a device is attached."""
        return bool(self.run.attached)

    def has_spare_blocks(self) -> bool:
        """Whether a RAM block is offline."""
        return bool(self.spare_blocks())

    def spare_blocks(self) -> list[int]:
        """The RAM blocks that are offline."""
        blocks, online = self.run.lpar.blocks, self.run.ledger.online
        return [n for n, block in enumerate(blocks) if not any(span.touches(block) for span in online)]

    @precondition(has_devices)
    @rule(
        device=st.integers(0, 2), bits=st.sampled_from(own.MASK_BITS), dictated=faults(*own.ALL_POINTS),
        other=meanwhile(Beside.ONLINE, Beside.OFFLINE, Beside.PROBE, Beside.MAP, Beside.UNMAP, Beside.CRASH),
    )  # fmt: skip
    def set_mask(self, device: int, bits: int, dictated: Faults, other: Meanwhile) -> None:
        """A driver sets its mask, and a window may open."""
        self.do(SetMask(self.device(device), DmaMask((1 << bits) - 1)), dictated, self.beside(other))

    @precondition(has_devices)
    @rule(device=st.integers(0, 2), size=st.sampled_from((1, 4096, 70000)))
    def reach_the_end(self, device: int, size: int) -> None:
        """A driver sets the narrowest mask that reaches its window, and maps the last bytes of RAM."""
        device = self.device(device)
        view, online = self.run.guest.view(device), self.run.ledger.online
        if view is not None and view.window is not None and online:
            end = (view.window.direct if view.window.direct.size else view.window.dynamic).stop
            self.do(SetMask(device, DmaMask(own.power_of(end) - 1)))
            self.do(Map(device, place(online[-1], Place.END, size, 0), Direction.BIDIRECTIONAL))

    @precondition(has_devices)
    @rule(device=st.integers(0, 2), bits=st.sampled_from(own.COHERENT_BITS), asks=st.booleans())
    def other_mask(self, device: int, bits: int, asks: bool) -> None:
        """A driver asks for the mask that it would need, or sets its coherent one."""
        device = self.device(device)
        self.do(AskMask(device) if asks else SetCoherentMask(device, DmaMask((1 << bits) - 1)))

    @precondition(has_devices)
    @rule(
        device=st.integers(0, 2), which=st.integers(0, 7), buffer=st.sampled_from(own.BUFFERS),
        direction=st.sampled_from(Direction), cpu=st.integers(0, 3), dictated=faults("allocate tce-page", *own.WRITES),
        other=meanwhile(Beside.MAP, Beside.UNMAP, Beside.ONLINE, Beside.OFFLINE, Beside.CRASH),
    )  # fmt: skip
    def map(
        self, device: int, which: int, buffer: tuple[Place, int, int], direction: Direction, cpu: int, dictated: Faults,
        other: Meanwhile,
    ) -> None:  # fmt: skip
        """A driver maps part of RAM or of vPMEM."""
        memory = [*self.run.ledger.vpmem, *self.run.ledger.online]
        if memory:
            where, size, offset = buffer
            span = place(memory[which % len(memory)], where, size, offset)
            self.do(Map(self.device(device), span, direction, cpu), dictated, self.beside(other))

    @precondition(has_devices)
    @rule(
        device=st.integers(0, 2), which=st.integers(0, 7), buffer=st.sampled_from(own.BUFFERS),
        others=st.sampled_from(own.SCATTERS), limits=st.sampled_from(own.LIMITS), direction=st.sampled_from(Direction),
        cpu=st.integers(0, 3), dictated=own.scatter_faults(),
    )  # fmt: skip
    def map_sg(
        self, device: int, which: int, buffer: tuple[Place, int, int], others: tuple[tuple[Then, int], ...],
        limits: SegmentLimits, direction: Direction, cpu: int, dictated: Faults,
    ) -> None:  # fmt: skip
        """A driver maps a scatterlist, of RAM or of vPMEM or of both."""
        memory = [*self.run.ledger.vpmem, *self.run.ledger.online]
        if memory:
            which %= len(memory)
            elements = scatter(memory, which, place(memory[which], *buffer), others, limits, 1 << self.run.lpar.page)
            self.do(MapSg(self.device(device), elements, direction, limits.longest, limits.boundary, cpu), dictated)

    @precondition(has_devices)
    @rule(
        device=st.integers(0, 2), which=st.integers(0, 7), where=st.sampled_from(Place),
        size=st.sampled_from(own.COHERENT_SIZES), wide=st.booleans(), cpu=st.integers(0, 3),
        dictated=faults(own.COHERENT_PAGES, *own.WRITES),
    )  # fmt: skip
    def alloc_coherent(
        self, device: int, which: int, where: Place, size: int, wide: bool, cpu: int, dictated: Faults
    ) -> None:
        """A driver asks for a coherent buffer, having set the wide coherent mask or not."""
        device, online = self.device(device), self.run.ledger.online
        view = self.run.guest.view(device)
        memory = coherent_memory(online[which % len(online)], where, size, self.run.lpar.page) if online else None
        if memory is not None and view is not None:
            mask = self.run.ledger.coherent_masks.get(device, view.mask) if wide else BITS_32
            self.do(AllocCoherent(device, memory, mask, cpu), dictated)

    @precondition(has_mappings)
    @rule(
        which=st.integers(0, 31), dictated=faults(*own.WRITES),
        other=meanwhile(Beside.MAP, Beside.UNMAP, Beside.ONLINE, Beside.OFFLINE, Beside.CRASH),
    )  # fmt: skip
    def unmap(self, which: int, dictated: Faults, other: Meanwhile) -> None:
        """A driver ends one of its mappings."""
        live = list(self.run.ledger.mappings)
        self.end(live[which % len(live)], dictated, self.beside(other))

    def end(self, number: int, dictated: Faults = (), inside: tuple[Inside, ...] = ()) -> None:
        """End a mapping the way it began."""
        self.do(ENDING[type(self.run.ledger.mappings[number].asked)](number), dictated, inside)

    @precondition(has_spare_blocks)
    @rule(
        which=st.integers(0, 4),
        cancelled=st.sampled_from((False, False, True)),
        dictated=faults(*own.WRITES, "allocate tce-page"),
        other=meanwhile(Beside.PROBE, Beside.MAP, Beside.UNMAP, Beside.DETACH, Beside.CRASH),
    )
    def online(self, which: int, cancelled: bool, dictated: Faults, other: Meanwhile) -> None:
        """A RAM block goes online."""
        spare = self.spare_blocks()
        self.do(Online(spare[which % len(spare)], cancelled), dictated, self.beside(other))

    @rule(
        which=st.integers(0, 4), refused=st.sampled_from((False, False, True)), dictated=faults(*own.WRITES),
        other=meanwhile(Beside.PROBE, Beside.MAP, Beside.UNMAP, Beside.DETACH, Beside.CRASH),
    )  # fmt: skip
    def offline(self, which: int, refused: bool, dictated: Faults, other: Meanwhile) -> None:
        """A RAM block that no driver has mapped goes offline."""
        events = [Offline(n, refused) for n in range(len(self.run.lpar.blocks))]
        possible = [event for event in events if self.run.impossible(event) is None]
        if possible:
            self.do(possible[which % len(possible)], dictated, self.beside(other))

    @precondition(has_vpmem)
    @rule(
        which=st.integers(0, 1), ram=st.booleans(), stopped=st.sampled_from((False, False, True)),
        dictated=faults(*own.WRITES),
    )  # fmt: skip
    def vpmem(self, which: int, ram: bool, stopped: bool, dictated: Faults) -> None:
        """A vPMEM range comes or goes, or becomes system RAM or is that no longer."""
        number = which % len(self.run.lpar.vpmem)
        span, ledger = self.run.lpar.vpmem[number], self.run.ledger
        if span in ledger.online:
            self.do(OfflineVpmem(number, stopped), dictated)
        elif span in ledger.vpmem:
            self.do(OnlineVpmem(number, stopped) if ram else RemoveVpmem(number), dictated)
        else:
            self.do(AddVpmem(number))

    def drives(self, event: Event) -> bool:
        """Whether the guest is driven through such events at all."""
        return True

    def may_be_taken(self) -> bool:
        """Whether user space may take a PE."""
        owned, functions = self.run.ledger.owned, self.run.lpar.functions
        return self.drives(TakeOwnership(0)) and any(functions[device] not in owned for device in self.run.attached)

    @precondition(may_be_taken)
    @rule(
        device=st.integers(0, 2), which=st.integers(0, 11), plan=st.sampled_from(owners.PLANS),
        refused=faults(*own.TAKE_POINTS), at=st.sampled_from((0, 1, 3, 5)), dictated=faults(*own.USER_POINTS),
        other=meanwhile(Beside.ONLINE, Beside.OFFLINE, Beside.PROBE, Beside.UNMAP),
    )  # fmt: skip
    def take_over(
        self, device: int, which: int, plan: owners.Plan, refused: Faults, at: int, dictated: Faults, other: Meanwhile
    ) -> None:
        """User space takes a PE whose drivers have gone, and uses it; from its `at`th event on something fails."""
        device = self.device(device)
        for function in sorted(self.run.siblings(device)):
            self.end_mappings(function)
        self.do(TakeOwnership(device), refused, self.beside(other))
        self.use(device, which, plan, at, dictated)

    def is_owned(self) -> bool:
        """Whether user space owns a PE."""
        return bool(self.run.ledger.owned)

    @precondition(is_owned)
    @rule(
        device=st.integers(0, 2), which=st.integers(0, 11), plan=st.sampled_from(owners.PLANS),
        at=st.sampled_from((0, 1, 3, 5)), dictated=faults(*own.USER_POINTS),
    )  # fmt: skip
    def go_on(self, device: int, which: int, plan: owners.Plan, at: int, dictated: Faults) -> None:
        """User space goes on with what it owns."""
        owned, functions = self.run.ledger.owned, self.run.lpar.functions
        mine = [other for other in sorted(self.run.attached) if functions[other] in owned]
        self.use(mine[device % len(mine)], which, plan, at, dictated)

    def use(self, device: int, which: int, plan: owners.Plan, at: int, dictated: Faults) -> None:
        """Carry out a plan."""
        for number, event in enumerate(owners.events(self.run, device, plan, which)):
            self.do(event, dictated if number >= at else ())

    @rule(
        device=st.integers(0, 2), what=st.sampled_from(own.INTERRUPTIONS),
        dictated=faults(*own.ALL_POINTS), again=faults("allocate table", "allocate bitmap", *own.WRITES),
        unread=faults("H_GET_TCE"),
    )  # fmt: skip
    def interrupt(self, device: int, what: Interruption, dictated: Faults, again: Faults, unread: Faults) -> None:
        """A device or a PE goes and perhaps comes back, or another kernel comes to run; drivers end their mappings first,
        unless the kernel crashes.
        """
        if what is Interruption.KDUMP:
            crash = self.crash(device)
            if crash is not None:
                self.do(crash, unread)
            return
        if what in (Interruption.REBOOT, Interruption.KEXEC):
            for number in range(self.run.lpar.devices):
                self.end_mappings(number)
            self.do(Reboot() if what is Interruption.REBOOT else Kexec(), again)
            return
        device %= self.run.lpar.devices
        if what is Interruption.EEH:
            self.do(EehReset(device))
            return
        pe = self.run.siblings(device) if what in (Interruption.PE, Interruption.FROZEN) else {device}
        for number in sorted(pe | {device}):
            if number in self.run.attached:
                self.end_mappings(number)
                self.do(Replug(number) if what is Interruption.REPLUG else Detach(number), dictated)
        if what in (Interruption.REPLACE, Interruption.PE, Interruption.FROZEN):
            for number in sorted(pe | {device}):
                self.do(Attach(number, frozen=what is Interruption.FROZEN), again)

    def end_mappings(self, device: int) -> None:
        """What a driver does when it is unbound."""
        for number, mapping in list(self.run.ledger.mappings.items()):
            if mapping.device == device:
                self.end(number)


def machine_of(
    platform: str, strength: Strength, guest: Callable[..., Any] = Kernel, hypervisor: Callable[..., Any] = Papr
) -> type[LifeCycle]:
    """The machine on one platform in one strength, with any guest on any hypervisor, and a tally of its own."""
    return type(
        "LifeCycle", (LifeCycle,),
        {
            "platform": platform, "strength": strength, "tally": Tally(),
            "make_guest": staticmethod(guest), "make_hypervisor": staticmethod(hypervisor),
        },
    )  # fmt: skip


Shard = tuple[str, Strength]
SHARDS: tuple[Shard, ...] = tuple((platform, strength) for strength in Strength for platform in PROFILES)
"""The parts of the main job: each platform in each strength."""


def seeded(machine: type[LifeCycle], shard: Shard, number: int = 0) -> type[LifeCycle]:
    """The machine with the seed of its shard, so that no two shards draw the same and each run can be repeated."""
    return seed(crc32(f"{shard[0]} {shard[1]} {number}".encode()))(machine)
