# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU process: started on descriptors of our own, without files or sockets that anyone could find, and ended."""

import mmap
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.qemu.guest import QEMU, firmware

RAM = 256 << 20
"""Bytes; what QEMU calls -m."""
PATIENCE = 10.0
"""Seconds after which a machine that does not answer hangs. A batch takes some 50 ms."""
BRIDGES = (1, 2)
"""Indices of the PCI host bridges that are driven. Bridge 0 is always there; it cannot be unplugged and is left alone."""


class Stopped(Exception):
    """The machine ended or hangs; the message is what QEMU said last."""


class Machine:
    """A running pseries machine. Context manager: the process ends with it, and with the process that started it.

    ram: all its memory, shared. qtest, monitor: QEMU's two protocols, as sockets. options: further ones for QEMU.
    """

    def __init__(self, cache: Path, options: Sequence[str] = (), bridges: Sequence[int] = BRIDGES) -> None:
        image = firmware(cache)
        memory = os.memfd_create("ddwcheck")
        os.truncate(memory, RAM)
        self.ram = mmap.mmap(memory, RAM)
        self.qtest, its_qtest = socket.socketpair()
        self.monitor, its_monitor = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        chardev = f"socket,id=qtest,fd={its_qtest.fileno()}", f"socket,id=monitor,fd={its_monitor.fileno()}"
        command = [
            "setpriv", "--pdeathsig", "KILL", QEMU, "-accel", "tcg", "-m", str(RAM >> 20),
            "-machine", "pseries,memory-backend=ram",
            "-object", f"memory-backend-file,id=ram,size={RAM},mem-path=/proc/self/fd/{memory},share=on",
            "-bios", str(image), "-nodefaults", "-nic", "none", "-display", "none", "-serial", "none",
            "-chardev", chardev[0], "-qtest", "chardev:qtest", "-qtest-log", "none",
            "-chardev", chardev[1], "-mon", "chardev=monitor,mode=control",
            *(word for index in bridges for word in ("-device", f"spapr-pci-host-bridge,index={index},id=phb{index}")),
            *options,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said,
            pass_fds=(memory, its_qtest.fileno(), its_monitor.fileno()), start_new_session=True,
        )  # fmt: skip
        while self._is_setpriv() and self.process.poll() is None:
            time.sleep(0.001)  # it has not asked yet to end with this process
        os.close(memory)
        its_qtest.close()
        its_monitor.close()
        self.qtest.settimeout(PATIENCE)
        self.monitor.settimeout(PATIENCE)

    def __enter__(self) -> "Machine":
        return self

    def _is_setpriv(self) -> bool:
        return Path(f"/proc/{self.process.pid}/comm").read_text() == "setpriv\n"

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for end in (self.qtest, self.monitor, self._said):
            end.close()

    def check(self, since: float) -> None:
        """Stopped if the process is gone, or has kept somebody waiting for too long, `since` as time.monotonic()."""
        if self.process.poll() is not None:
            raise Stopped(f"QEMU ended with {self._ending()}: {self.said()}")
        if time.monotonic() - since > PATIENCE:
            raise Stopped(f"QEMU has not answered for {PATIENCE:.0f} s")

    def _ending(self) -> str:
        code = self.process.returncode
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def said(self) -> str:
        """The last line on its stderr that is no warning."""
        written = os.pread(self._said.fileno(), 1 << 20, 0).decode(errors="replace").splitlines()
        return next((line for line in reversed(written) if "warning:" not in line), "nothing said")
