# SPDX-License-Identifier: GPL-2.0-or-later
"""A device that can be told what to read and write by DMA: QEMU's e1000, driven through its registers.

What it is to transmit it reads at a bus address, and hands on; what it receives it writes to one. Registers and descriptors:
Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual", sections 3.2, 3.3 and 13.
"""

import struct
import time
from collections.abc import Sequence
from socket import socket

from conformance.qemu.calls import answer_all
from conformance.qemu.machine import PATIENCE, Machine, Stopped
from conformance.qemu.mailbox import Mailbox
from conformance.qemu.tree import Bridge, Tree
from model.calls import RtasCall, RtasStatus
from model.types import BusAddress

DEVICE = 1
"""The slot of the device below its bridge."""
COMMAND, BAR0 = 0x04, 0x10
"""Offsets into the configuration space. PCI Local Bus Specification, figure 6-1."""
MEMORY_AND_MASTER = 0b110

CTRL, RCTL, TCTL = 0x0000, 0x0100, 0x0400
RDBAL, RDBAH, RDLEN, RDH, RDT = 0x2800, 0x2804, 0x2808, 0x2810, 0x2818
TDBAL, TDBAH, TDLEN, TDH, TDT = 0x3800, 0x3804, 0x3808, 0x3810, 0x3818
LINK_UP = 1 << 6
TRANSMIT = 1 << 1
RECEIVE_ALL = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 25 | 1 << 26
"""Enabled, any address, long packets, buffers of 16 KiB, no checksum behind the data."""

DESCRIPTOR = struct.Struct("<QHBBBBH")
"""Bus address, length; for transmission offset and command, for reception a checksum in their place; status; the rest."""
STATUS = 4
ENTIRE, REPORT, DONE = 1 << 0, 1 << 3, 1 << 0
RING = 256
"""Descriptors of a ring; one is never in use, so that full and empty differ."""
MOST = RING - 1
SHORTEST, LONGEST = 60, 9000
"""Bytes of a packet; a shorter one that is received is padded."""
FRAME = struct.Struct(">I")
"""What QEMU's stream has before each packet: its length."""


class Rings:
    """Where the rings lie, for the device and in memory: two 4 KiB pages that it may read and write."""

    def __init__(self, bus: BusAddress, memory: int) -> None:
        self.transmit, self.receive = (bus, memory), (BusAddress(bus + 4096), memory + 4096)


class E1000:
    """The device below a bridge. wire: the other end of its cable."""

    def __init__(self, machine: Machine, mailbox: Mailbox, wire: socket, index: int, rings: Rings) -> None:
        tree = Tree(mailbox.tree)
        self._machine, self._wire, self._rings = machine, wire, rings
        self._bridge: Bridge = tree.bridge(index)
        self._sent = self._received = 0
        wire.settimeout(PATIENCE)
        self._from_wire = wire.makefile("rb")
        self._from_qtest = machine.qtest.makefile("rb")
        span = self._bridge.properties.mmio32
        assert span is not None, "QEMU's bridges have 32-bit MMIO"
        token = tree.token("ibm,write-pci-config")
        config, high, low = self._bridge.properties.pe.cells
        settings = [(BAR0, 4, span.start), (COMMAND, 2, MEMORY_AND_MASTER)]
        calls = [RtasCall(token, (config | DEVICE << 11 | at, high, low, size, to), 1) for at, size, to in settings]
        assert all(answer.status is RtasStatus.SUCCESS for answer in answer_all(mailbox, calls))

    def start(self) -> None:
        """Set up the rings and let it transmit and receive. The rings must be mapped by now."""
        for (low, high, length, head, tail), (bus, _) in (
            ((TDBAL, TDBAH, TDLEN, TDH, TDT), self._rings.transmit),
            ((RDBAL, RDBAH, RDLEN, RDH, RDT), self._rings.receive),
        ):
            for register, value in (
                (low, bus & 0xFFFFFFFF), (high, bus >> 32), (length, RING * DESCRIPTOR.size), (head, 0), (tail, 0),
            ):  # fmt: skip
                self._set(register, value)
        self._set(CTRL, LINK_UP)
        self._set(TCTL, TRANSMIT)
        self._set(RCTL, RECEIVE_ALL)

    def read(self, wanted: Sequence[tuple[BusAddress, int]]) -> list[bytes]:
        """Have it read this many bytes at each bus address; what it got. At most MOST."""
        self._sent = self._fill(
            self._rings.transmit[1], self._sent,
            [DESCRIPTOR.pack(bus, size, 0, ENTIRE | REPORT, 0, 0, 0) for bus, size in wanted],
        )  # fmt: skip
        self._set(TDT, self._sent)
        return [self._packet() for _ in wanted]

    def write(self, wanted: Sequence[tuple[BusAddress, bytes]]) -> None:
        """Have it write these bytes to each bus address; wait until it says that it has. At most MOST."""
        ring, first = self._rings.receive[1], self._received
        self._received = self._fill(ring, first, [DESCRIPTOR.pack(bus, 0, 0, 0, 0, 0, 0) for bus, _ in wanted])
        self._set(RDT, self._received)
        self._wire.sendall(b"".join(FRAME.pack(len(data)) + data for _, data in wanted))
        last = ring + DESCRIPTOR.size * ((self._received - 1) % RING)
        since = time.monotonic()
        while not DESCRIPTOR.unpack_from(self._machine.ram, last)[STATUS] & DONE:
            self._machine.check(since)
            time.sleep(2e-5)

    def _fill(self, ring: int, at: int, descriptors: Sequence[bytes]) -> int:
        """Put descriptors into a ring; the place behind the last."""
        for descriptor in descriptors:
            start = ring + DESCRIPTOR.size * at
            self._machine.ram[start : start + DESCRIPTOR.size] = descriptor
            at = (at + 1) % RING
        return at

    def _packet(self) -> bytes:
        try:
            head = self._from_wire.read(FRAME.size)
            return self._from_wire.read(*FRAME.unpack(head))
        except (TimeoutError, struct.error):
            raise Stopped("the device does not transmit") from None

    def _set(self, register: int, value: int) -> None:
        """Write a register, which is little-endian."""
        at = self._bridge.mmio + register
        self._machine.qtest.sendall(f"write {at:#x} 0x4 0x{value.to_bytes(4, 'little').hex()}\n".encode())
        if self._from_qtest.readline() != b"OK\n":
            raise Stopped(f"QEMU does not write register {register:#x}")
