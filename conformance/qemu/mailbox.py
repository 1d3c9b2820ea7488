# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypercalls in batches through the machine's memory; guest.S makes them. LoPAR 14.5.3: r3 is the opcode and the answer."""

import struct
import time
from collections.abc import Sequence
from typing import NamedTuple

from conformance.qemu.machine import Machine, Stopped

MAILBOX = 0x100000
HEADER, RECORD = 64, struct.Struct(">8Q")
MOST = 8192
"""Records of one batch."""
BLOCKS, BLOCK = 0x200000, 128
"""RTAS argument blocks, one for each record."""
LISTS, LIST, MOST_LISTS = 0x400000, 4096, 2048
"""Lists for H_PUT_TCE_INDIRECT: pages of 512 TCEs."""
READ_BACK, MOST_READ = 0x1000000, 1 << 21
"""Where TCEs are read back to, and how many there is room for."""
FREE = 0x2000000
"""Above here the memory is not used for the mailbox."""
DOORBELL, COUNT, SERVED, TREE = range(4)
"""Words of the header."""
ANSWER, SECOND = 5, 6
"""Words of a record."""
UNANSWERED = 0x5555555555555555
READ_TCES = (1 << 64) - 1
NAP = 20e-6
"""Seconds between looks at whether a batch has been served."""


class Interrupted(Stopped):
    """The machine stopped in a batch; `answered` are the answers before the record that it did not survive."""

    def __init__(self, why: str, answered: list[tuple[int, int]]) -> None:
        super().__init__(why)
        self.answered = answered


class Record(NamedTuple):
    """One hypercall: r3 to r7, how many records to leave out if it fails, and for READ_TCES where to."""

    opcode: int
    r4: int = 0
    r5: int = 0
    r6: int = 0
    r7: int = 0
    leave_out: int = 0
    where: int = 0


class Mailbox:
    """The calling side of a machine's mailbox."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._words = memoryview(machine.ram)[MAILBOX : MAILBOX + HEADER].cast("Q")
        self._rung = 0
        self.wait_for_guest()

    def forget_guest(self) -> None:
        """Before a reset: whoever waits for the guest waits for the next one."""
        self._words[TREE] = 0

    def wait_for_guest(self) -> None:
        """Until the guest listens; Stopped if it never does."""
        since = time.monotonic()
        while not self._words[TREE]:
            time.sleep(1e-3)
            self._machine.check(since)

    @property
    def tree(self) -> bytes:
        """The flattened device tree that the firmware was handed."""
        ram = self._machine.ram
        (at,) = struct.unpack_from(">Q", ram, MAILBOX + 8 * TREE)
        (size,) = struct.unpack_from(">I", ram, at + 4)
        return bytes(ram[at : at + size])

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into the machine's memory."""
        self._machine.ram[address : address + len(data)] = data

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the machine's memory."""
        return bytes(self._machine.ram[address : address + size])

    def run(self, records: Sequence[Record]) -> list[tuple[int, int]]:
        """Make the calls in order: r3 and r4 of each; one that was left out has UNANSWERED. Interrupted if QEMU stops."""
        pack = RECORD.pack
        self.write(
            MAILBOX + HEADER,
            b"".join([pack(*record[:5], UNANSWERED, record.leave_out, record.where) for record in records]),
        )
        self.write(MAILBOX + 8 * COUNT, struct.pack(">Q", len(records)))
        self._rung += 1
        self._words[DOORBELL] = self._rung  # one store: a guest that looks meanwhile sees it whole
        since = time.monotonic()
        looks = 0
        while self._words[SERVED] != self._rung:
            looks += 1
            if looks > 50:
                time.sleep(NAP)
                if looks % 256 == 0:
                    self._check(since, records)
        return self._answers(len(records))

    def _check(self, since: float, records: Sequence[Record]) -> None:
        try:
            self._machine.check(since)
        except Stopped as stopped:
            answers, first = self._answers(len(records)), 0
            while first < len(records) and answers[first][0] != UNANSWERED:
                first += 1 + (records[first].leave_out if answers[first][0] else 0)
            raise Interrupted(str(stopped), answers[:first]) from None

    def _answers(self, count: int) -> list[tuple[int, int]]:
        data = self.read(MAILBOX + HEADER, RECORD.size * count)
        return [(record[ANSWER], record[SECOND]) for record in RECORD.iter_unpack(data)]
