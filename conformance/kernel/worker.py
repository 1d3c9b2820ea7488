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
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

from conformance.kernel.places import place
from conformance.scope import OutOfScope
from model.calls import (
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
from model.interfaces import Crash, Port
from model.types import BusAddress, Liobn, Tce


class Ask(IntEnum):
    """Requests, as c/host.h numbers them."""

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


KINDS: tuple[type[TceWrite] | None, ...] = (None, PutTce, StuffTce, PutTceIndirect)
RUN_WORDS = 12
"""Words of a run: kind, LIOBN, IOBA, first TCE, step, stride, entries, TCEs per call, calls, list offset, caller, status."""
MOST_FAILURES = 256
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


class Disagreement(Exception):
    """The hypervisor answered call number `call` otherwise than the process had expected."""

    def __init__(self, call: int, status: HcallStatus) -> None:
        super().__init__(call, status)
        self.call, self.status = call, status


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

    def send(self, kind: int, words: Sequence[int]) -> None:
        """One frame."""
        self._write(struct.pack(f"<{2 + len(words)}Q", kind, len(words), *words))

    def answer(self, words: Sequence[int]) -> None:
        """The bare words of an answer; negative ones as two's complement."""
        self._write(struct.pack(f"<{len(words)}Q", *(word % WORD for word in words)))

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

    def start(self, failures: Iterable[tuple[int, int]]) -> int:
        """A fresh child, which answers the hypercalls of these numbers with these statuses; ends the one before."""
        self.stop()
        self.send(Ask.FORK, [word % WORD for failure in failures for word in failure])
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


class Scenario:
    """One boot of the kernel's code: requests in order, every answer known again if it has to be repeated.

    callers: gets the address in the program from which each call came that crosses.
    """

    def __init__(self, program: Program, port: Port, callers: list[int]) -> None:
        self._program, self._port, self._callers = program, port, callers
        self._script: list[tuple[Ask, Sequence[int]]] = []
        self._failures: list[tuple[int, int]] = []
        self._answers: list[tuple[object, Sequence[int]]] = []
        self._passed = 0  # hypercalls that have crossed
        self._warnings = 0  # how many have been told to whoever asks
        self._warning: str | None = None
        self._start()

    @property
    def alive(self) -> bool:
        """Whether it has not crashed, and no other scenario has been started since."""
        return self._program.child == self._child

    def _start(self) -> None:
        self._child = self._program.start(self._failures)
        self._sent = self._answered = self._seen = self._warned = 0

    def ask(self, kind: Ask, *words: int) -> Sequence[int]:
        """Carry out a request. Crash if the kernel's code crashes, hangs, or warns; OutOfScope if it is too much."""
        if not self.alive:
            raise HarnessError("a request to a kernel that has crashed")
        self._script.append((kind, words))
        while True:
            try:
                return self._go_on()
            except Disagreement as other:
                if len(self._failures) == MOST_FAILURES:
                    self._program.stop()
                    raise OutOfScope("too many refusals that nobody expected") from None
                self._failures.append((other.call, other.status))
                self._start()

    def _go_on(self) -> Sequence[int]:
        reply: Sequence[int] = ()
        while self._sent < len(self._script):
            self._program.send(*self._script[self._sent])
            reply = self._listen()
            self._sent += 1
        warning, self._warning = self._warning, None
        if warning is not None:
            raise Crash(warning)
        return reply

    def _listen(self) -> Sequence[int]:
        """Serve the child until it is done with a request."""
        while True:
            kind, words = self._program.receive()
            match kind:
                case Say.DONE:
                    return words
                case Say.HCALLS:
                    for at in range(0, len(words), RUN_WORDS):
                        self._pass_on(words[at : at + RUN_WORDS])
                case Say.RTAS:
                    self._rtas(words)
                case Say.ODD_HCALL:
                    self._odd_hcall(words)
                case Say.ALLOCATION:
                    self._allocation(_text(words))
                case Say.WARNING:
                    self._warned += 1
                    if self._warned > self._warnings:
                        self._warnings, self._warning = self._warned, _text(words)
                case Say.CRASH | Say.OUT_OF_SCOPE | Say.EXITED:
                    self._died(kind, words)
                case _:
                    raise HarnessError(f"{kind.name} in the middle of a request")

    def _reply(self, question: object, ask: Callable[[], Sequence[int]]) -> None:
        """Answer as before where the scenario is repeated, else as the port says."""
        if self._answered < len(self._answers):
            before, answer = self._answers[self._answered]
            if before != question:
                raise HarnessError(f"a scenario did not repeat: {question} where {before} was")
        else:
            answer = ask()
            self._answers.append((question, answer))
        self._answered += 1
        self._program.answer(answer)

    def _allocation(self, what: str) -> None:
        self._reply(what, lambda: [int(self._port.allocate(what))])

    def _rtas(self, words: Sequence[int]) -> None:
        token, nargs, nret, caller = words[:4]
        call = RtasCall(token, tuple(words[4 : 4 + nargs]), nret)

        def ask() -> list[int]:
            self._callers.append(caller)
            answer = self._port.rtas(call)
            return [answer.status, len(answer.outputs), *answer.outputs]

        self._reply(call, ask)

    def _odd_hcall(self, words: Sequence[int]) -> None:
        kind, liobn, ioba, tce, count, caller = words[:6]
        listed = tuple(Tce(word) for word in words[6:])
        call: Hcall
        if kind == 0:
            call = GetTce(Liobn(liobn), BusAddress(ioba))
        elif KINDS[kind] is PutTceIndirect:
            call = PutTceIndirect(Liobn(liobn), BusAddress(ioba), listed or (Tce(0),) * count)
        else:
            call = StuffTce(Liobn(liobn), BusAddress(ioba), Tce(tce), count)

        def ask() -> list[int]:
            self._callers.append(caller)
            answer = self._port.hcall(call)
            return [answer.status, answer.tce] if kind == 0 else [answer.status]

        self._reply(call, ask)
        if kind != 0:
            self._seen += 1
            self._passed = max(self._passed, self._seen)

    def _pass_on(self, words: Sequence[int]) -> None:
        """A run: as a whole if it is to succeed, else call by call."""
        calls, status = words[8], words[11]
        known = min(calls, self._passed - self._seen)
        self._seen += known
        while known < calls:
            count = calls - known if status == HcallStatus.SUCCESS else 1
            call = _call(words, known, count)
            self._callers.append(words[10])
            answer = self._port.hcall(call)
            if answer.status % WORD != status:
                other = self._seen + (answer.done if isinstance(call, TceRun) else 0)
                self._passed = other + 1
                raise Disagreement(other, answer.status)
            self._seen += count
            self._passed = self._seen
            known += count

    def _died(self, kind: Say, words: Sequence[int]) -> None:
        text = _text(words) if kind is not Say.EXITED else ""
        text = text or self._program.complaint() or f"the process ended with status {words[0]}"
        if kind is Say.CRASH and words[0]:
            head, _, tail = text.partition("\n")
            text = f"{head} in {place(self._program.path, words[0] + 1)}\n{tail}".strip()
        first = kind
        while kind is not Say.EXITED:
            kind, _ = self._program.receive()
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
