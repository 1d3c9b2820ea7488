# SPDX-License-Identifier: GPL-2.0-or-later
"""Storms: many small scenarios inside one process of the kernel's C, for search.

The process (`kernel/c/storm/`) draws scripts from a seed, runs each from the state after boot on a hypervisor of its own,
and tells which look wrong. It is fast and says too much; what it tells is judged here as any other trace.
"""

import os
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from conformance.kernel.platform import words_of
from conformance.kernel.worker import HarnessError
from model.events import (
    AddVpmem,
    Attach,
    Detach,
    Event,
    Fault,
    Map,
    Offline,
    Online,
    Reboot,
    RemoveVpmem,
    SetMask,
    Step,
    Unmap,
)
from model.profiles import Lpar, Profile
from model.run import pe_of
from model.trace import Trace
from model.types import Direction, DmaMask, PhysAddr, Span

POINTS = (
    "query", "create", "remove", "reset", "H_PUT_TCE", "H_STUFF_TCE", "H_PUT_TCE_INDIRECT",
    *(f"allocate {what}" for what in ("bitmap", "table", "property", "list-entry", "failed-entry", "saved-property",
                                      "tce-page", "group")),
)  # fmt: skip
"""Where an answer can be dictated, in the order of c/storm/storm.h."""
DIRECTIONS = (Direction.BIDIRECTIONAL, Direction.TO_DEVICE, Direction.FROM_DEVICE)
"""Linux: enum dma_data_direction."""
WORD = 1 << 64
OPERANDS, MOST_FAULTS = 5, 2
EVENT_WORDS = 1 + OPERANDS + 1 + 3 * MOST_FAULTS


NO_END = 1 << 40
"""Microseconds that no batch takes."""


class Kind(IntEnum):
    """Events, as c/storm/storm.h numbers them."""

    NOTHING = 0
    ATTACH = 1
    DETACH = 2
    SET_MASK = 3
    MAP = 4
    UNMAP = 5
    ONLINE = 6
    OFFLINE = 7
    ADD_VPMEM = 8
    REMOVE_VPMEM = 9
    REBOOT = 10


class Reason(IntEnum):
    """Why a script is suspect, as c/storm/storm.h numbers it."""

    WARNED = 1
    LOCKED = 2
    ODD_HCALL = 3
    ODD_RTAS = 4
    PARTLY_DIRECT = 5
    DIRTY = 6
    NO_WINDOW = 7
    BAD_HANDLE = 8
    UNREACHED = 9
    RAM_UNREACHED = 10
    STRAY = 11
    STRAY_AFTER_REFUSAL = 12
    LEFT_WINDOW = 13
    LEFT_MEMORY = 14
    CRASHED = 15
    DIED = 16


class Tell(IntEnum):
    """Frames of the process, as c/storm/storm.c numbers them."""

    SUSPECT = 1
    REACHED = 2
    FINISHED = 3


@dataclass(frozen=True, slots=True)
class Sign:
    """Why a script is suspect: the reason, the kind of event after which it was seen, where in the program, if known."""

    reason: Reason
    event: str
    place: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A script that looks wrong, as the steps that were run."""

    number: int
    signs: Sequence[Sign]
    steps: tuple[Step, ...]
    text: str


@dataclass
class Batch:
    """Scripts on one platform and partition, and what came of them.

    scripts: how many, from number `first` of the seed on, of at most `steps` events each; or those of `given`, over and
    over; none begins after `patience` microseconds of CPU time. run: how many were run, of `events` events in all, in
    `microseconds` of CPU time; beyond: of these, out of scope. deaths: scripts that ended their process. ticks, if `timed`:
    of restoring, drawing, the hypervisor, the checks, and all together. reached: calls at each point, by script, if `told`.
    suspects: scripts that look wrong, or, if `everything`, all.
    """

    profile: Profile
    lpar: Lpar
    scripts: int
    seed: int = 0
    first: int = 0
    steps: int = 12
    given: Sequence[Sequence[Step]] = ()
    patience: int = NO_END
    timed: bool = False
    told: bool = False
    everything: bool = False
    run: int = 0
    events: int = 0
    beyond: int = 0
    deaths: int = 0
    microseconds: int = 0
    booted: bool = False
    ticks: Sequence[int] = ()
    suspects: list[Suspect] = field(default_factory=list)
    reached: list[Sequence[int]] = field(default_factory=list)

    def words(self) -> list[int]:
        """The request, see read_batch() in c/storm/storm.c."""
        lpar = self.lpar
        pes = [pe_of(number) for number in range(lpar.pes)]
        steps = max(map(len, self.given)) if self.given else self.steps
        words = [self.seed % WORD, self.first, self.scripts, steps, int(self.timed), int(self.told)]
        words += [len(self.given), self.patience, int(self.everything)]
        words += [*words_of(self.profile, lpar.multi_tce), lpar.hotplug_max, lpar.pes]
        words += [word for pe in pes for word in pe]
        words += [lpar.devices, *lpar.functions]
        for spans, there in ((lpar.blocks, lpar.online), (lpar.vpmem, lpar.vpmem_at_boot)):
            words.append(len(spans))
            words += [word for k, span in enumerate(spans) for word in (*span, int(k in there))]
        for script in self.given:
            for step in script:
                words += event_words(step)
            words += [0] * EVENT_WORDS * (steps - len(script))
        return words

    def trace(self, suspect: Suspect) -> Trace:
        """The script as a trace; the devices come back at its end, so that what was left of them shows."""
        again: list[Step] = []
        if suspect.signs and suspect.signs[-1].reason is Reason.LEFT_MEMORY:
            again = [Step(Attach(device)) for device in range(self.lpar.devices)]
        return Trace(self.profile, self.lpar, (*suspect.steps, *again))


def event_words(step: Step) -> list[int]:
    """Struct event of c/storm/storm.h."""
    event = step.event
    match event:
        case Attach(device):
            kind, operands = Kind.ATTACH, [device]
        case Detach(device):
            kind, operands = Kind.DETACH, [device]
        case SetMask(device, mask):
            kind, operands = Kind.SET_MASK, [device, mask]
        case Map(device, memory, direction, cpu):
            kind, operands = Kind.MAP, [device, *memory, DIRECTIONS.index(direction), cpu]
        case Unmap(mapping):
            kind, operands = Kind.UNMAP, [mapping]
        case Online(block, cancelled):
            kind, operands = Kind.ONLINE, [block, int(cancelled)]
        case Offline(block, refused):
            kind, operands = Kind.OFFLINE, [block, int(refused)]
        case AddVpmem(number):
            kind, operands = Kind.ADD_VPMEM, [number]
        case RemoveVpmem(number):
            kind, operands = Kind.REMOVE_VPMEM, [number]
        case Reboot():
            kind, operands = Kind.REBOOT, []
    words = [int(kind), *operands, *[0] * (OPERANDS - len(operands)), len(step.faults)]
    for fault in step.faults:
        words += [POINTS.index(fault.point), fault.skip, fault.answer % WORD]
    return words + [0] * (EVENT_WORDS - len(words))


def step_of(words: Sequence[int]) -> Step:
    """The step that struct event stands for."""
    kind, first, second, third, fourth, fifth, count = words[:7]
    event: Event
    match Kind(kind):
        case Kind.ATTACH:
            event = Attach(first)
        case Kind.DETACH:
            event = Detach(first)
        case Kind.SET_MASK:
            event = SetMask(first, DmaMask(second))
        case Kind.MAP:
            event = Map(first, Span(PhysAddr(second), PhysAddr(third)), DIRECTIONS[fourth], fifth)
        case Kind.UNMAP:
            event = Unmap(first)
        case Kind.ONLINE:
            event = Online(first, bool(second))
        case Kind.OFFLINE:
            event = Offline(first, bool(second))
        case Kind.ADD_VPMEM:
            event = AddVpmem(first)
        case Kind.REMOVE_VPMEM:
            event = RemoveVpmem(first)
        case Kind.REBOOT:
            event = Reboot()
        case Kind.NOTHING:
            raise HarnessError("an event that is none")
    faults = []
    for at in range(7, 7 + 3 * count, 3):
        point, skip, answer = words[at : at + 3]
        faults.append(Fault(POINTS[point], skip, answer - WORD if answer >> 63 else answer))
    return Step(event, tuple(faults))


class Storm:
    """A process for storms. Context manager: it ends with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = tempfile.NamedTemporaryFile()  # noqa: SIM115 closed with the process
        options = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
        self._process = subprocess.Popen(
            [path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._written,
            start_new_session=True,
            env=options,
        )

    def __enter__(self) -> "Storm":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and the child that it runs scripts in."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._written.close()

    def run(self, batch: Batch) -> Batch:
        """Run a batch; HarnessError if the process is gone."""
        words = batch.words()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(struct.pack(f"<{1 + len(words)}Q", len(words), *words))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise HarnessError("the process of storms is gone") from None
        for tell, said in self._frames():
            if tell is Tell.SUSPECT:
                batch.suspects.append(_suspect(said))
            elif tell is Tell.REACHED:
                batch.reached.append(said)
            else:
                booted, batch.run, batch.events, batch.beyond, batch.deaths, batch.microseconds, *ticks = said
                batch.booted, batch.ticks = bool(booted), ticks
        return batch

    def _frames(self) -> Iterator[tuple[Tell, Sequence[int]]]:
        while True:
            tell, count = struct.unpack("<2Q", self._read(16))
            yield Tell(tell), struct.unpack(f"<{count}Q", self._read(8 * count))
            if tell == Tell.FINISHED:
                return

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise HarnessError("the process of storms is gone")
        return data


def _suspect(words: Sequence[int]) -> Suspect:
    number, count = words[:2]
    at = 2 + 3 * count
    events = words[at]
    steps = tuple(step_of(words[at + 1 + k * EVENT_WORDS : at + 1 + (k + 1) * EVENT_WORDS]) for k in range(events))
    signs = []
    for k in range(count):
        reason, event, place = words[2 + 3 * k : 5 + 3 * k]
        signs.append(Sign(Reason(reason), type(steps[event].event).__name__ if event < events else "boot", place))
    tail = words[at + 1 + events * EVENT_WORDS :]
    return Suspect(number, signs, steps, struct.pack(f"<{len(tail)}Q", *tail).split(b"\0")[0].decode(errors="replace"))
