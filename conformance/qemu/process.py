# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU process: started on descriptors of our own, without sockets that anyone could find, and always ended."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.qemu.guest import QEMU, require_programs

MOST_OF_A_NAME = 15
"""Letters of a process's name that the kernel keeps."""


class Process:
    """A QEMU for pseries; it ends with `end`, and with the process that started it.

    options: its command line. channels: names of character devices, each of which is a socket here. descriptors: further
    ones that it inherits.
    """

    def __init__(self, options: Sequence[str], channels: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        require_programs(QEMU, "setpriv")
        pairs = {name: socket.socketpair() for name in channels}
        theirs = {name: its for name, (_, its) in pairs.items()}
        self.channels = {name: ours for name, (ours, _) in pairs.items()}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        devices = (("-chardev", f"socket,id={name},fd={end.fileno()}") for name, end in theirs.items())
        # should this process be killed, the kernel ends QEMU
        command = ["setpriv", "--pdeathsig", "KILL", QEMU, *(word for device in devices for word in device), *options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said,
            pass_fds=(*descriptors, *(end.fileno() for end in theirs.values())), start_new_session=True,
        )  # fmt: skip
        while not (self._is_qemu() or self.ended):
            time.sleep(0.001)  # it may not have asked yet to end with this process
        for end in theirs.values():
            end.close()

    def _is_qemu(self) -> bool:
        """Whether setpriv is done. What a new process is called is told late: at first it has our own name."""
        return Path(f"/proc/{self.pid}/comm").read_text() == f"{QEMU[:MOST_OF_A_NAME]}\n"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End it and wait until it is gone; a second time there is nothing left to do."""
        self._process.kill()
        self._process.wait()
        for end in self.channels.values():
            end.close()
        self._said.close()

    @property
    def ending(self) -> str:
        """How it ended."""
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def said(self) -> str:
        """The last line on its stderr that is no warning."""
        written = os.pread(self._said.fileno(), 1 << 20, 0).decode(errors="replace").splitlines()
        return next((line for line in reversed(written) if "warning:" not in line), "nothing said")
