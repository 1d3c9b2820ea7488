# SPDX-License-Identifier: GPL-2.0-or-later
"""A running QEMU: its console, its monitor, its trace of DDW calls. It ends with the block that started it."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Self

QEMU = "qemu-system-ppc64"
ARGUMENTS = "-accel tcg -cpu power9 -smp 1 -nodefaults -nographic -display none -net none"
LAST_LINES = 6
"""How many lines of the console a hang is reported with."""


class NoQemu(RuntimeError):
    """There is no QEMU for pseries; the message says what to install."""


class Hang(RuntimeError):
    """Something did not happen in time, or QEMU ended; the message says what, and what was seen last."""


class Machine:
    """Context manager. arguments: of QEMU, beside those that every boot has. told: is given each line of the record."""

    def __init__(self, arguments: Sequence[str], told: Callable[[str], None], kind: str = "pseries") -> None:
        if shutil.which(QEMU) is None or shutil.which("setpriv") is None:
            raise NoQemu(f"{QEMU} is not installed; on Debian: apt-get install qemu-system-ppc")
        self._told, self._said, self._text = told, [""], b""
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="ddwcheck-boot-")))
        self._trace_path = folder / "trace"
        console, qmp = (self._stack.enter_context(_listen(folder / name)) for name in ("console", "qmp"))
        channels = ["-chardev", f"socket,id=console,path={folder / 'console'}", "-serial", "chardev:console"]
        channels += ["-qmp", f"unix:{folder / 'qmp'}"]
        trace = ["-trace", "spapr_iommu_*", "-D", str(self._trace_path)]
        own = ["-machine", kind, *ARGUMENTS.split()]
        self._log = self._stack.enter_context((folder / "errors").open("w+b"))
        # should this process be killed, the kernel ends QEMU
        command = ["setpriv", "--pdeathsig", "KILL", QEMU, *own, *channels, *trace, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )
        try:
            self._console = self._stack.enter_context(_accept(console, self))
            self._qmp = self._stack.enter_context(_accept(qmp, self))
            self._replies = self._stack.enter_context(self._qmp.makefile("rb"))
            self._trace = self._stack.enter_context(self._trace_path.open("rb"))
            self._reply(10)  # the greeting
            self.monitor("qmp_capabilities")
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End QEMU and remove its files."""
        self._process.kill()
        self._process.wait()
        self._stack.close()

    @property
    def ended(self) -> bool:
        """Whether QEMU is gone."""
        return self._process.poll() is not None

    def monitor(self, command: str, **arguments: Any) -> Any:
        """One command of QEMU's monitor protocol; its answer."""
        self._qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            reply = self._reply(10)
            if "error" in reply:
                raise Hang(f"QEMU refuses {command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]

    def _reply(self, seconds: float) -> dict[str, Any]:
        self._qmp.settimeout(seconds)
        try:
            line = self._replies.readline()
        except TimeoutError:
            raise Hang("QEMU's monitor does not answer") from None
        if not line:
            raise Hang(f"QEMU ended: {self.error()}")
        return dict(json.loads(line))

    def error(self) -> str:
        """What QEMU said last on its standard error."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def run(self, line: str, seconds: float) -> int:
        """Have the guest's shell run a line; its status."""
        self._console.sendall(line.encode() + b"\n")
        return int(self.wait("ddwcheck: done ", seconds).rpartition(" ")[2])

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
            self._console.settimeout(left)
            try:
                more = self._console.recv(1 << 16)
            except TimeoutError:
                continue
            if not more:
                raise Hang(f"QEMU ended: {self.error()}; last: {' | '.join(self._said[-LAST_LINES:])}")
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


def _listen(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.fspath(path))
    server.listen(1)
    return server


def _accept(server: socket.socket, machine: Machine) -> socket.socket:
    """QEMU's end of a channel."""
    server.settimeout(1)
    for _ in range(20):
        try:
            return server.accept()[0]
        except TimeoutError:
            if machine.ended:
                break
    raise Hang(f"QEMU does not start: {machine.error()}")
