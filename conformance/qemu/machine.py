# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that runs the program of guest.S: its memory is shared, and its bridges are driven."""

import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.qemu.guest import firmware
from conformance.qemu.process import Process

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

    ram: all its memory, shared. qtest, monitor: QEMU's two protocols, as sockets. options, descriptors: further ones for
    QEMU.
    """

    def __init__(
        self,
        cache: Path,
        options: Sequence[str] = (),
        bridges: Sequence[int] = BRIDGES,
        descriptors: Sequence[int] = (),
    ) -> None:
        image = firmware(cache)
        memory = os.memfd_create("ddwcheck")
        os.truncate(memory, RAM)
        self.ram = mmap.mmap(memory, RAM)
        command = [
            "-accel", "tcg", "-m", str(RAM >> 20), "-machine", "pseries,memory-backend=ram",
            "-object", f"memory-backend-file,id=ram,size={RAM},mem-path=/proc/self/fd/{memory},share=on",
            "-bios", str(image), "-nodefaults", "-nic", "none", "-display", "none", "-serial", "none",
            "-qtest", "chardev:qtest", "-qtest-log", "none", "-mon", "chardev=monitor,mode=control",
            *(word for index in bridges for word in ("-device", f"spapr-pci-host-bridge,index={index},id=phb{index}")),
            *options,
        ]  # fmt: skip
        self.process = Process(command, ["qtest", "monitor"], [memory, *descriptors])
        os.close(memory)
        self.qtest, self.monitor = self.process.channels["qtest"], self.process.channels["monitor"]
        self.qtest.settimeout(PATIENCE)
        self.monitor.settimeout(PATIENCE)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self.process.end()

    def check(self, since: float) -> None:
        """Stopped if the process is gone, or has kept somebody waiting for too long, `since` as time.monotonic()."""
        if self.process.ended:
            raise Stopped(f"QEMU ended with {self.process.ending}: {self.process.said()}")
        if time.monotonic() - since > PATIENCE:
            raise Stopped(f"QEMU has not answered for {PATIENCE:.0f} s")
