# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted kernel's QEMU: its console, its monitor, its trace of DDW calls. It ends with the block that started it."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from select import select
from socket import socket
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Self

from conformance.boot.initramfs import DONE
from conformance.qemu.process import Process

ARGUMENTS = "-accel tcg -cpu power9 -smp 1 -nodefaults -nographic -display none -net none"
CHANNELS = "-serial chardev:console -mon chardev=qmp,mode=control"
MONITOR_PATIENCE = 60.0
"""Seconds; with a large maximum of memory QEMU needs some before it listens."""
LAST_LINES = 6
"""How many lines of the console a hang is reported with."""


class Hang(RuntimeError):
    """Something did not happen in time, or QEMU ended; the message says what, and what was seen last."""


class Machine:
    """Context manager. arguments: of QEMU, beside those that every boot has. told: is given each line of the record.

    channels: names of further character devices. NotInstalled without QEMU.
    """

    def __init__(
        self, arguments: Sequence[str], told: Callable[[str], None], kind: str = "pseries", channels: Sequence[str] = ()
    ) -> None:
        self._told, self._said, self._text = told, [""], b""
        self._gone = set[str]()
        self._attended = dict[socket, Callable[[], None]]()
        self._stack = ExitStack()
        trace = Path(self._stack.enter_context(TemporaryDirectory(prefix="ddwcheck-boot-"))) / "trace"
        own = ["-machine", kind, *ARGUMENTS.split(), *CHANNELS.split(), "-trace", "spapr_iommu_*", "-D", str(trace)]
        try:
            self.process = Process([*own, *arguments], ["console", "qmp", *channels])
            self._stack.callback(self.process.end)
            self._console, self._qmp = self.process.channels["console"], self.process.channels["qmp"]
            self._replies = self._stack.enter_context(self._qmp.makefile("rb"))
            self._reply(MONITOR_PATIENCE)  # the greeting
            self._trace = self._stack.enter_context(trace.open("rb"))
            self.monitor("qmp_capabilities")
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def monitor(self, command: str, **arguments: Any) -> Any:
        """One command of QEMU's monitor protocol; its answer."""
        self._qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            reply = self._reply(MONITOR_PATIENCE)
            if "error" in reply:
                raise Hang(f"QEMU refuses {command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]

    def wait_until_gone(self, device: str, seconds: float) -> None:
        """Until the guest has given up a device that it was asked for with `device_del`."""
        until = monotonic() + seconds
        while device not in self._gone:
            self._reply(max(0.01, until - monotonic()))

    def _reply(self, seconds: float) -> dict[str, Any]:
        self._qmp.settimeout(seconds)
        try:
            line = self._replies.readline()
        except TimeoutError:
            raise Hang("QEMU's monitor does not answer") from None
        if not line:
            raise Hang(f"QEMU ended with {self.process.ending}: {self.process.said()}")
        reply = dict(json.loads(line))
        if reply.get("event") == "DEVICE_DELETED":
            self._gone.add(reply["data"].get("device", ""))
        return reply

    def send(self, line: str) -> None:
        """Give the guest's shell a line."""
        self._console.sendall(line.encode() + b"\n")

    def run(self, line: str, seconds: float) -> int:
        """Have the guest's shell run a line; its status."""
        self.send(line)
        return int(self.wait(f"{DONE} ", seconds).rpartition(" ")[2])

    def output(self, line: str, seconds: float) -> list[str]:
        """Have the guest's shell run a line; what it printed."""
        self.send(line)
        printed = []
        while not (heard := self.wait("", seconds)).startswith(DONE):
            printed.append(heard)
        return printed

    def attend(self, channel: socket, served: Callable[[], None]) -> None:
        """While the console is waited for, have something served that a channel brings."""
        self._attended[channel] = served

    def wait(self, start: str, seconds: float) -> str:
        """The next line of the console that begins so."""
        until = monotonic() + seconds
        while True:
            head, newline, rest = self._text.partition(b"\n")
            if newline:
                self._text = rest
                line = self._hear(head)
                if line.startswith(start):
                    return line
                continue
            left = until - monotonic()
            if left <= 0:
                raise Hang(f"no {start.strip()!r} within {seconds:g} s; last: {' | '.join(self._said[-LAST_LINES:])}")
            ready, _, _ = select([self._console, *self._attended], [], [], left)
            for channel in ready:
                if channel is not self._console:
                    self._attended[channel]()
            if self._console not in ready:
                continue
            more = self._console.recv(1 << 16)
            if not more:
                raise Hang(f"QEMU ended with {self.process.ending}: {self.process.said()}")
            self._text += more

    def _hear(self, raw: bytes) -> str:
        """One line of the console, behind what QEMU had traced before it."""
        line = raw.decode(errors="replace").rstrip("\r")
        for traced in self._trace:
            self._told(traced.decode(errors="replace").rstrip("\n"))
        self._told(line)
        self._said.append(line)
        del self._said[:-LAST_LINES]
        return line
