# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device reads and writes through the TCEs of a real QEMU, byte by byte as `translate` of the model says."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from socket import socketpair

from conformance.qemu.calls import Made, batches
from conformance.qemu.differ import Access, Difference, Pair
from conformance.qemu.e1000 import DEVICE, E1000, LONGEST, MOST, SHORTEST, Rings
from conformance.qemu.machine import RAM, Machine, Stopped
from conformance.qemu.mailbox import FREE
from model.calls import PutTce, PutTceIndirect, RtasCall, StuffTce, tce_list
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.types import READ, WRITE, BusAddress, Tce

BRIDGE = 1
ARENA = FREE + (2 << 20)
"""The memory that the device may reach; before it there are the rings."""
SIZE = 8 << 20
GRANULE = 4096
"""Bytes that no translation divides: the smallest I/O page."""
RING_ENTRY = 512
"""The entry of the default window that maps the rings, and the next; no call touches them."""
ENTRIES = 24
"""Of each window, at both ends of it, that calls set and accesses meet."""
CALLS = 40
"""Calls between two batches of accesses."""
PAGES = (12, 16, 21)
"""I/O pages of windows that are made; the arena has room for a few of the largest."""
ROUNDS = 40
"""Of one machine."""
NOWHERE = Tce(1 << 30)
"""A TCE's address behind RAM, where nothing is."""


@dataclass
class Tally:
    """What was compared. seen: granules that were met, by what they allow."""

    calls: int = 0
    accesses: int = 0
    machines: int = 0
    seen: Counter[str] = field(default_factory=Counter)


class Device:
    """A pair of platforms, and the device on the real one. expected: what is in the arena by now."""

    def __init__(self, pair: Pair, machine: Machine, device: E1000, random: Random, tally: Tally) -> None:
        self.pair, self.random, self._tally = pair, random, tally
        self._ram, self._device = machine.ram, device
        self.pe = next(pe for pe in pair.papr.endpoints if pe.buid & 0xFF == BRIDGE)
        self.expected = bytearray(random.randbytes(SIZE))
        self._ram[ARENA : ARENA + SIZE] = bytes(self.expected)
        self._calls: list[Made] = []

    def say(self, calls: list[Made]) -> Difference | None:
        """Make calls on both platforms."""
        wanted = [self.pair.say(call) for call in calls]
        said, ended = self.pair.ask(calls)
        self._calls += calls
        self._tally.calls += len(calls)
        for one, other in zip(wanted, said, strict=False):
            if one != other:
                return self._difference(str(one), str(other))
        return self._difference("answers", ended) if ended else None

    def forget(self) -> None:
        """Tell nothing of the calls so far: each machine with a device makes them."""
        self._calls.clear()

    def windows(self) -> list[Window]:
        """Those of the device."""
        return list(self.pair.papr.windows(self.pe))

    def reached(self, bus: BusAddress, size: int, needs: int) -> Iterator[tuple[int, int, int | None]]:
        """What an access meets: offset into it, length, and where in memory; None where it is refused or nothing is."""
        at = 0
        while at < size:
            step = min(size - at, GRANULE - (bus + at) % GRANULE)
            reach = self.pair.papr.translate(self.pe, BusAddress(bus + at))
            granted = reach is not None and bool(reach.control & needs)
            self._tally.seen[f"{'read' if needs == READ else 'write'} {'granted' if granted else 'refused'}"] += 1
            memory = reach.memory if reach is not None and granted and reach.memory < RAM else None
            yield at, step, memory
            at += step

    def read(self, wanted: list[tuple[BusAddress, int]]) -> Difference | None:
        """The device reads: what is refused reads as zeros. QEMU: unassigned_mem_read()."""
        for (bus, size), got in zip(wanted, self._device.read(wanted), strict=True):
            expected = bytearray(size)
            for at, step, memory in self.reached(bus, size, READ):
                if memory is not None:
                    expected[at : at + step] = self.expected[memory - ARENA : memory - ARENA + step]
            if got != expected:
                return self._access("read", bus, bytes(expected), got, [Access(bus, size)])
        self._tally.accesses += len(wanted)
        return None

    def write(self, wanted: list[tuple[BusAddress, bytes]]) -> Difference | None:
        """The device writes: what is refused is dropped, and nothing else changes."""
        self._device.write(wanted)
        for bus, data in wanted:
            for at, step, memory in self.reached(bus, len(data), WRITE):
                if memory is not None:
                    self.expected[memory - ARENA : memory - ARENA + step] = data[at : at + step]
        got = self._ram[ARENA : ARENA + SIZE]
        if got != self.expected:
            made = [Access(bus, len(data), data) for bus, data in wanted]
            return self._access("memory", BusAddress(ARENA), bytes(self.expected), got, made)
        self._tally.accesses += len(wanted)
        return None

    def _access(self, what: str, start: BusAddress, expected: bytes, got: bytes, made: Sequence[Access]) -> Difference:
        """The first byte that differs."""
        if len(expected) != len(got):
            return self._difference(f"{what} at {start:#x}: {len(expected)} bytes", f"{len(got)} bytes", made)
        k = next(k for k, (one, other) in enumerate(zip(expected, got, strict=True)) if one != other)
        return self._difference(f"{what} at {start + k:#x}: {expected[k : k + 16].hex()}", got[k : k + 16].hex(), made)

    def _difference(self, expected: str, observed: str, made: Sequence[Access] = ()) -> Difference:
        return Difference(tuple(self._calls), expected, observed, tuple(made))

    def repeat(self, calls: Sequence[Made], accesses: Sequence[Access]) -> Difference | None:
        """Make calls, then accesses."""
        for batch in batches(calls):
            if found := self.say(batch):
                return found
        reads = [(access.bus, access.size) for access in accesses if access.data is None]
        writes = [(access.bus, access.data) for access in accesses if access.data is not None]
        return (self.read(reads) if reads else None) or (self.write(writes) if writes else None)

    def draw_calls(self) -> list[Made]:
        """Calls that change what the device reaches."""
        random, windows = self.random, self.windows()
        _, create, remove = self.pair.papr.profile.tokens
        calls: list[Made] = []
        if len(windows) == 1:
            page = random.choice(PAGES)
            calls.append(RtasCall(create, (*self.pe.cells, page, page + random.choice((5, 8))), 4))
        elif random.randrange(4) == 0:
            calls.append(RtasCall(remove, (windows[-1].liobn,), 1))
        else:
            calls += [self._draw_call(random.choice(windows)) for _ in range(CALLS)]
        return calls

    def _draw_call(self, window: Window) -> Made:
        random, page = self.random, 1 << window.page_shift
        entry, count = self._entry(window), random.randrange(1, 5)
        bus = BusAddress(window.base + (entry << window.page_shift))
        memory = ARENA + random.randrange(SIZE // page) * page
        memory += random.choice((0, 0, 0, GRANULE)) % page  # inside an I/O page, which is cut (A13)
        tce = Tce(random.choice((memory, memory, memory, memory, NOWHERE)) | random.choice((0, 1, 2, 3, 3, 3)))
        kind = random.randrange(3)
        if kind == 0:
            return PutTce(window.liobn, bus, tce)
        if kind == 1:
            return StuffTce(window.liobn, bus, tce, count)
        room = (ARENA + SIZE - memory) // page
        return PutTceIndirect(window.liobn, bus, tce_list(tce, page, min(count, max(1, room))))

    def _entry(self, window: Window) -> int:
        near = self.random.randrange(min(ENTRIES, window.entries))
        return self.random.choice((near, window.entries - 1 - near))

    def draw_access(self) -> tuple[BusAddress, int]:
        """A place and a size: across borders of pages, and of windows. At 0 the device takes it that there is no buffer."""
        random, window = self.random, self.random.choice(self.windows())
        size = random.choice((SHORTEST, random.randrange(SHORTEST, 600), random.randrange(SHORTEST, LONGEST)))
        inside = random.choice((0, -1, random.randrange(-size, 0), random.randrange(1 << window.page_shift)))
        return BusAddress(max(1, window.base + (self._entry(window) << window.page_shift) + inside)), size


@contextmanager
def device(cache: Path, random: Random, without: Collection[type[Papr]], tally: Tally) -> Iterator[Device]:
    """A machine with the device, which may transmit and receive."""
    wire, its = socketpair()
    options = ["-netdev", f"socket,id=net,fd={its.fileno()}"]
    options += ["-device", f"e1000,bus=phb{BRIDGE}.0,addr={DEVICE:#x},netdev=net,romfile="]
    with its, wire, Machine(cache, options, descriptors=[its.fileno()]) as machine:
        its.close()
        pair, rings = Pair(machine, without), Rings(BusAddress(RING_ENTRY * GRANULE), FREE)
        e1000 = E1000(machine, pair.mailbox, wire, BRIDGE, rings)
        made = Device(pair, machine, e1000, random, tally)
        liobn = made.windows()[0].liobn
        wrong = made.say(
            [PutTce(liobn, bus, Tce(memory | READ | WRITE)) for bus, memory in (rings.transmit, rings.receive)]
        )
        if wrong is not None:
            raise Stopped(f"the rings cannot be mapped: {wrong.observed}")
        e1000.start()
        made.forget()
        tally.machines += 1
        yield made


def compare(
    cache: Path, accesses: int, seed: int, tell: Callable[[int], None] = lambda done: None,
    without: Collection[type[Papr]] = (), tally: Tally | None = None,
) -> Difference | None:  # fmt: skip
    """Random accesses until one differs, None if none does. tell: of the accesses made so far."""
    tally = tally if tally is not None else Tally()
    random = Random(seed)
    while tally.accesses < accesses:
        with device(cache, random, without, tally) as made:
            for _ in range(ROUNDS):
                if tally.accesses >= accesses:
                    break
                reads = [made.draw_access() for _ in range(MOST)]
                writes = [(bus, random.randbytes(size)) for bus, size in (made.draw_access() for _ in range(MOST))]
                found = made.say(made.draw_calls()) or made.read(reads) or made.write(writes)
                if found is not None:
                    return found
                tell(tally.accesses)
    return None


def replay(cache: Path, calls: Sequence[Made], accesses: Sequence[Access]) -> Difference | None:
    """What calls and accesses show on a fresh machine."""
    with device(cache, Random(0), (), Tally()) as made:
        return made.repeat(calls, accesses)
