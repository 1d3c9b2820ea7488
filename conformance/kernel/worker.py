# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that runs the kernel's code: frames, scenarios, and what happens when it guessed an answer wrong.

The program answers its own hypercalls as it expects, mostly with success, and reports them as runs (`c/runs.c`). A run is
passed on to the port when it arrives. Where the hypervisor then answers otherwise, the scenario is started again in a fresh
process with that one answer known, and what has crossed already is not passed on a second time. So the kernel's code sees
every answer where it belongs, and a loop over a million TCEs costs one record.
"""

import os
import re
import select
import signal
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from conformance.kernel.places import place
from conformance.scope import OutOfScope
from model.calls import (
    GetRun,
    GetTce,
    Hcall,
    HcallStatus,
    PutTce,
    PutTceIndirect,
    RtasCall,
    StuffTce,
    TceRun,
    TceWrite,
    tce_list,
)
from model.cpus import KernelGone
from model.interfaces import Crash, Port
from model.locks import Lock
from model.types import BusAddress, Liobn, Span, Tce


class Ask(IntEnum):
    """Requests, as c/host.h numbers them; ANSWER is none."""

    ANSWER = 0
    FORK = 1
    END = 2
    BOOT = 3
    ATTACH = 4
    DETACH = 5
    SET_MASK = 6
    MAP = 7
    UNMAP = 8
    MEMORY = 9
    VPMEM = 10
    ROUTES = 11
    VIEW = 12
    MAP_SG = 13
    UNMAP_SG = 14
    ALLOC_COHERENT = 15
    FREE_COHERENT = 16
    ASK_MASK = 17
    SET_COHERENT_MASK = 18
    REPLUG = 19
    OWN = 20
    PROPERTIES = 21


class Say(IntEnum):
    """What the process says, as c/host.h numbers it."""

    DONE = 100
    RTAS = 101
    HCALLS = 102
    ODD_HCALL = 103
    ALLOCATION = 104
    WARNING = 105
    CRASH = 106
    OUT_OF_SCOPE = 107
    FORKED = 108
    EXITED = 109
    LOCK = 110
    UNLOCK = 111


class How(IntEnum):
    """How a request is asked for what it needs, as c/host.h numbers them.

    ALONE: on its CPU. AMONG_OTHERS: some are under way, so that locks are asked for. STEP_BY_STEP: so that another one may
    come at each hypercall, too.
    """

    ALONE = 0
    AMONG_OTHERS = 1
    STEP_BY_STEP = 2


KINDS: tuple[type[TceWrite] | None, ...] = (None, PutTce, StuffTce, PutTceIndirect)
RUN_WORDS = 12
"""Words of a run: kind, LIOBN, IOBA, first TCE, step, stride, entries, TCEs per call, calls, list offset, caller, status."""
MOST_CPUS = 4
"""Requests that can be under way at the same time; as in c/harness.h."""
MOST_FAILURES, MOST_READS = 256, 4096
"""Hypercalls of one scenario that may be answered otherwise than expected; as in c/runs.c."""
WORD = 1 << 64
HEADER = 16
"""Bytes of a frame before its words."""


COMPLAINT = re.compile(r"(AddressSanitizer: \S+|arch/\S+?:\d+:\d+: runtime error: [^\n]*|runtime error: [^\n]*)")
"""What ASan and UBSan say first."""
IN_TREE = re.compile(r"#\d+ 0x[0-9a-f]+ in (\w+) \S*/(?:arch|lib)/\S*\.c")
"""A frame of theirs that is in the kernel's code."""


class HarnessError(RuntimeError):
    """The harness itself is wrong or broken: the process is gone, or a scenario did not repeat."""


@dataclass
class Known:
    """What the hypervisor answers other than expected: calls that it refuses, and ranges of calls that read a TCE in use.

    Calls are numbered from the boot on.
    """

    refused: list[tuple[int, HcallStatus]] = field(default_factory=list)
    in_use: list[Span[int]] = field(default_factory=list)

    @property
    def words(self) -> list[int]:
        """As runs_know() of c/runs.c wants it."""
        return [len(self.refused), *(word for pair in (*self.refused, *self.in_use) for word in pair)]


class Disagreement(Exception):
    """The hypervisor answered otherwise than the process had expected, as is known now."""


CREATE = (5, 4)
"""Arguments and outputs of ibm,create-pe-dma-window. LoPAR 7.3.27.2."""
SMALLEST = 4096
"""Bytes of an I/O page of a default window."""


class Frame(NamedTuple):
    """What is sent to the process: a request or an answer, for which of the requests under way, and how it is asked then."""

    cpu: int
    how: How
    kind: Ask
    words: Sequence[int]


class Program:
    """A running program: a process that forks one child per scenario. Context manager: the process ends with it.

    child: process id of the present scenario, None if there is none. counts: where a program built for coverage leaves its
    counts of executed lines.
    """

    def __init__(self, path: Path, counts: Path | None = None) -> None:
        self.path = path
        self._control, theirs = os.pipe()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        self._heard = 0  # how much of it has been read
        self._process = subprocess.Popen(
            [path, str(theirs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints,
            pass_fds=(theirs,), bufsize=0, start_new_session=True,
            env=os.environ | ({"GCOV_PREFIX": str(counts), "GCOV_PREFIX_STRIP": "99"} if counts else {}),
        )  # fmt: skip
        os.close(theirs)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._says = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._buffer = b""
        self.child: int | None = None

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and its child."""
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
        self._process.kill()
        self._process.communicate()
        os.close(self._control)
        self._complaints.close()

    def send(self, frame: "Frame") -> None:
        """One frame; negative words as two's complement."""
        cpu, how, kind, words = frame
        self._write(struct.pack(f"<{4 + len(words)}Q", cpu, how, kind, len(words), *(word % WORD for word in words)))

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except BrokenPipeError:
            raise HarnessError("the kernel's process is gone") from None

    def receive(self) -> tuple[Say, Sequence[int]]:
        """The next frame of the child; EXITED, which its parent says, when there is none any more."""
        while True:
            if len(self._buffer) >= HEADER:
                kind, count = struct.unpack_from("<2Q", self._buffer)
                end = HEADER + 8 * count
                if len(self._buffer) >= end:
                    words = struct.unpack_from(f"<{count}Q", self._buffer, HEADER)
                    self._buffer = self._buffer[end:]
                    return Say(kind), words
            ready = select.select([self._says, self._control], [], [])[0]
            if self._says not in ready:
                self._buffer = b""
                return self._told()
            self._buffer += self._more(self._says, 1 << 18)

    def _told(self) -> tuple[Say, Sequence[int]]:
        """The next frame of the child's parent."""
        data = b""
        while len(data) < HEADER + 8:
            data += self._more(self._control, HEADER + 8 - len(data))
        kind, _, value = struct.unpack("<3Q", data)
        if kind == Say.EXITED:
            self.child = None
        return Say(kind), (value,)

    @staticmethod
    def _more(file: int, size: int) -> bytes:
        data = os.read(file, size)
        if not data:
            raise HarnessError("the kernel's process is gone")
        return data

    def start(self, known: Known) -> int:
        """A fresh child, which answers hypercalls by what is known of them; ends the one before."""
        self.stop()
        self.send(Frame(0, How.ALONE, Ask.FORK, known.words))
        kind, words = self._told()
        if kind is not Say.FORKED:
            raise HarnessError(f"{kind.name} in place of FORKED")
        self.child = words[0]
        return words[0]

    def complaint(self) -> str:
        """What a sanitizer has written since this was last asked: the error, and where in the kernel's code it is."""
        data = os.pread(self._complaints.fileno(), 1 << 20, self._heard)
        self._heard += len(data)
        written = data.decode(errors="replace")
        found = COMPLAINT.search(written)
        where = IN_TREE.search(written, found.end()) if found else None
        return f"{found[1].strip()}{f' in {where[1]}()' if where else ''}" if found else ""

    def stop(self) -> None:
        """End the child, wherever it is."""
        if self.child is None:
            return
        with suppress(ProcessLookupError):
            os.kill(self.child, signal.SIGTERM)
        while self.receive()[0] is not Say.EXITED:
            pass


Heard = tuple[Say, Sequence[int]]


class Scenario:
    """One boot of the kernel's code: requests, and answers to what it asks meanwhile, known again if it has to be repeated.

    A request may come in the middle of another one, while that waits for an answer: as on another CPU. Whose turn it is,
    the port's locks say. callers: gets the address in the program from which each call came that crosses.
    """

    def __init__(self, program: Program, port: Port, callers: list[int]) -> None:
        self._program, self._port, self._callers = program, port, callers
        self._sent: list[tuple[Heard | None, Frame]] = []  # what was heard before, and what was sent then
        self._heard: Heard | None = None
        self._known = Known()
        self._passed = 0  # hypercalls that have crossed
        self._pages: dict[int, int] = {}  # bytes of the I/O pages of created windows, by LIOBN; others have SMALLEST
        self._warnings = 0  # how many have been told to whoever asks
        self._warning: str | None = None
        self._free = list(range(MOST_CPUS))
        self._held: dict[int, AbstractContextManager[None]] = {}
        self._start()

    @property
    def alive(self) -> bool:
        """Whether it has not crashed, and no other scenario has been started since."""
        return self._program.child == self._child

    def _start(self) -> None:
        self._child = self._program.start(self._known)
        self._seen = self._warned = 0

    def ask(self, kind: Ask, *words: int) -> Sequence[int]:
        """Carry out a request. Crash if the kernel's code crashes, hangs, or warns; OutOfScope if it is too much."""
        if not self._free:
            raise OutOfScope("so many requests at the same time")
        cpu = self._free.pop(0)
        watched = self._port.watched or cpu > 0
        try:
            self._send(cpu, watched, kind, words)
            reply = self._serve(cpu, watched)
        finally:
            self._free = sorted([*self._free, cpu])
        warning, self._warning = self._warning, None
        if warning is not None:
            raise Crash(warning)
        return reply

    def _send(self, cpu: int, watched: bool, kind: Ask, words: Sequence[int]) -> None:
        """One frame; watched: other requests are under way or may still come."""
        if not self.alive:
            raise HarnessError("a request to a kernel that has crashed")
        how = How.STEP_BY_STEP if self._port.watched else How.AMONG_OTHERS if watched else How.ALONE
        frame = Frame(cpu, how, kind, words)
        self._sent.append((self._heard, frame))
        self._program.send(frame)

    def _serve(self, cpu: int, watched: bool) -> Sequence[int]:
        """Serve a request until it is done."""
        while True:
            kind, words = self._heard = self._next()
            if kind is Say.DONE:
                return words
            try:
                answer = self._answer(kind, words)
            except (Crash, KernelGone):
                self._end()
                raise
            if not self.alive:
                raise Crash("the kernel has crashed on another CPU")
            self._send(cpu, watched, Ask.ANSWER, answer)

    def _next(self) -> Heard:
        """What is heard next, hypercalls being passed on; the scenario is repeated where they end unexpectedly."""
        while True:
            try:
                return self._hear()
            except Disagreement:
                if len(self._known.refused) > MOST_FAILURES or len(self._known.in_use) > MOST_READS:
                    self._end()
                    raise OutOfScope("too many refusals and TCEs that nobody expected") from None
                self._repeat()

    def _repeat(self) -> None:
        self._start()
        for before, frame in self._sent:
            again = self._hear() if before is not None else None
            if again != before:
                raise HarnessError(f"a scenario did not repeat: {again} where {before} was")
            self._program.send(frame)

    def _hear(self) -> Heard:
        """The next question, or that a request is done."""
        while True:
            kind, words = self._program.receive()
            match kind:
                case Say.DONE | Say.RTAS | Say.ODD_HCALL | Say.ALLOCATION | Say.LOCK | Say.UNLOCK:
                    self._seen += kind is Say.ODD_HCALL and words[0] != 0
                    self._passed = max(self._passed, self._seen)
                    return kind, words
                case Say.HCALLS:
                    for at in range(0, len(words), RUN_WORDS):
                        self._pass_on(words[at : at + RUN_WORDS])
                case Say.WARNING:
                    self._warned += 1
                    if self._warned > self._warnings:
                        self._warnings, self._warning = self._warned, _text(words)
                case Say.CRASH | Say.OUT_OF_SCOPE | Say.EXITED:
                    self._died(kind, words)
                case _:
                    raise HarnessError(f"{kind.name} in the middle of a request")

    def _answer(self, kind: Say, words: Sequence[int]) -> Sequence[int]:
        match kind:
            case Say.RTAS:
                return self._rtas(words)
            case Say.ODD_HCALL:
                return self._odd_hcall(words)
            case Say.ALLOCATION:
                return [int(self._port.allocate(_text(words), sleeps=bool(words[0])))]
            case Say.LOCK:
                held = self._port.locked(Lock(f"{_text(words)} at {words[0]:#x}"))
                held.__enter__()
                self._held[words[0]] = held
            case Say.UNLOCK:
                self._held.pop(words[0]).__exit__(None, None, None)
        return []

    def _end(self) -> None:
        """No more of this scenario: its process ends, and nobody holds its locks."""
        if self.alive:
            self._program.stop()
        for held in self._held.values():
            with suppress(Exception, KernelGone):
                held.__exit__(Crash, Crash("the end"), None)
        self._held = {}

    def _rtas(self, words: Sequence[int]) -> Sequence[int]:
        token, nargs, nret, caller = words[:4]
        self._callers.append(caller)
        answer = self._port.rtas(RtasCall(token, tuple(words[4 : 4 + nargs]), nret))
        if (nargs, nret) == CREATE and answer.status == 0:
            self._pages[answer.outputs[0]] = 1 << words[7]
        return [answer.status, len(answer.outputs), *answer.outputs]

    def _odd_hcall(self, words: Sequence[int]) -> Sequence[int]:
        kind, liobn, ioba, tce, count, caller = words[:6]
        listed = tuple(Tce(word) for word in words[6:])
        call: Hcall
        if kind == 0:
            call = GetTce(Liobn(liobn), BusAddress(ioba))
        elif KINDS[kind] is PutTce:
            call = PutTce(Liobn(liobn), BusAddress(ioba), Tce(tce))
        elif KINDS[kind] is PutTceIndirect:
            call = PutTceIndirect(Liobn(liobn), BusAddress(ioba), listed or (Tce(0),) * count)
        else:
            call = StuffTce(Liobn(liobn), BusAddress(ioba), Tce(tce), count)
        self._callers.append(caller)
        answer = self._port.hcall(call)
        return [answer.status, answer.tce] if kind == 0 else [answer.status]

    def _pass_on(self, words: Sequence[int]) -> None:
        """A run: as a whole if it is to succeed, else call by call; so is one that leaves out I/O pages, as a loop from one
        RAM block into the next may.
        """
        calls, status = words[8], words[11]
        whole = status == HcallStatus.SUCCESS and words[5] == self._pages.get(words[1], SMALLEST)
        known = min(calls, self._passed - self._seen)
        self._seen += known
        if KINDS[words[0]] is None and known < calls:
            return self._read(words, known)
        while known < calls:
            count = calls - known if whole else 1
            call = _call(words, known, count)
            self._callers.append(words[10])
            answer = self._port.hcall(call)
            if answer.status % WORD != status:
                other = self._seen + (answer.done if isinstance(call, TceRun) else 0)
                self._passed = other + 1
                self._known.refused.append((other, answer.status))
                raise Disagreement
            self._seen += count
            self._passed = self._seen
            known += count

    def _read(self, words: Sequence[int], skip: int) -> None:
        """A loop of reads without its first `skip`, which is to find nothing. Reading has no effect: that the kernel makes
        all of these is known when the scenario is repeated.
        """
        liobn, ioba, stride, calls = Liobn(words[1]), words[2], words[5], words[8]
        self._callers.append(words[10])
        answer = self._port.hcall(GetRun(liobn, BusAddress(ioba + skip * stride), stride, calls - skip))
        first, refused = self._seen, answer.status is not HcallStatus.SUCCESS
        self._seen = self._passed = first + answer.done + refused
        self._known.in_use += [Span(first + span.start, first + span.stop) for span in answer.found]
        if refused:
            self._known.refused.append((first + answer.done, answer.status))
        if refused or answer.found:
            raise Disagreement

    def _died(self, kind: Say, words: Sequence[int]) -> None:
        text = _text(words) if kind is not Say.EXITED else ""
        text = text or self._program.complaint() or f"the process ended with status {words[0]}"
        if kind is Say.CRASH and words[0]:
            head, _, tail = text.partition("\n")
            text = f"{head} in {place(self._program.path, words[0] + 1)}\n{tail}".strip()
        first = kind
        while kind is not Say.EXITED:
            kind, _ = self._program.receive()
        self._end()
        raise OutOfScope(text) if first is Say.OUT_OF_SCOPE else Crash(text)


def _text(words: Sequence[int]) -> str:
    return struct.pack(f"<{len(words) - 1}Q", *words[1:]).rstrip(b"\0").decode(errors="replace").strip()


def _call(words: Sequence[int], skip: int, calls: int) -> Hcall:
    """The hypercall or loop that `calls` calls of a run are, after its first `skip`."""
    kind, liobn, ioba, first, step, stride, entries, per_call = words[:8]
    done = skip * per_call
    first, ioba, entries = first + done * step, ioba + done * stride, min(entries - done, calls * per_call)
    write = KINDS[kind]
    assert write is not None
    if calls > 1:
        return TceRun(write, Liobn(liobn), BusAddress(ioba), Tce(first), step, stride, entries, per_call)
    if write is PutTce:
        return PutTce(Liobn(liobn), BusAddress(ioba), Tce(first))
    if write is StuffTce:
        return StuffTce(Liobn(liobn), BusAddress(ioba), Tce(first), entries)
    return PutTceIndirect(Liobn(liobn), BusAddress(ioba), tce_list(first, step, entries))
