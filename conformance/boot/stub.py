# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's gdb stub: the booted kernel is stopped where a query returns, and its answer overwritten, as of another platform.

Protocol: gdb's manual, appendix "Remote Serial Protocol". Numbers of registers: QEMU's power-core.xml.
"""

from collections.abc import Sequence
from socket import socket

from conformance.boot.machine import Hang
from conformance.boot.scenarios import Overwrite
from model.profiles import QEMU_PSERIES

PATIENCE = 60.0
"""Seconds."""
TOKEN, NRET, OUTPUTS = 3, 5, 6
"""Registers of the operands of the kernel's rtas_call() that are of interest; ELF ABI v2 passes the first in r3."""
LR = 67
LOW_32 = 0xFFFFFFFF
NARROW, WIDE = 5, 6
"""Outputs of a query, the status among them. LoPAR table 129."""
LOCAL_ENTRY = 8
"""Bytes of the two instructions that set up r2, which calls within the kernel pass by. ELF ABI v2, 2.3.2.1."""
SETS_UP_R2 = 0x3C4C
"""The upper half of the first of them: addis r2,r12."""


class Stub:
    """The client of a running machine. left: what is still to be overwritten."""

    CHANNELS = ("gdb",)
    ARGUMENTS = ("-gdb", "chardev:gdb")

    def __init__(self, channel: socket) -> None:
        self.channel, self.left = channel, list[Overwrite]()
        channel.settimeout(PATIENCE)
        self._read = channel.makefile("rb")

    def watch(self, query_ddw: int, rtas_call: int, queries: Sequence[Overwrite]) -> None:
        """From now on stop at the kernel's query_ddw(), whose calls of rtas_call() get these answers, one after the other."""
        self.channel.sendall(b"\x03")
        self._stopped()
        self._ask("qXfer:features:read:target.xml:0,ffb")  # only then registers have these numbers
        self._query_ddw, self._rtas_call = self._entry(query_ddw), self._entry(rtas_call)
        self.left = list(queries)
        self._break(self._query_ddw)
        self._send("c")

    def serve(self) -> None:
        """The machine has stopped in query_ddw(): let it make its call, overwrite the answer, and let it go on."""
        self._stopped()
        self._go_from(self._query_ddw, self._rtas_call)
        token, nret, outputs = (self._register(number) for number in (TOKEN, NRET, OUTPUTS))
        if token != QEMU_PSERIES.tokens[0] or nret not in (NARROW, WIDE):
            raise Hang(f"query_ddw() calls {token:#x} with {nret} outputs")
        back = self._register(LR)
        self._go_from(self._rtas_call, back)
        self._overwrite(self.left.pop(0), outputs, nret)
        self._ask(f"z0,{back:x},4")
        if self.left:
            self._break(self._query_ddw)
        self._send("c")

    def _overwrite(self, wanted: Overwrite, outputs: int, nret: int) -> None:
        """Write over the outputs behind the status, which are words in the kernel's byte order."""
        cells = {} if wanted.windows is None else {0: wanted.windows}
        if wanted.block is not None:
            count = nret - NARROW + 1
            cells |= {1 + n: wanted.block >> 32 * (count - 1 - n) & LOW_32 for n in range(count)}
        for number, cell in cells.items():
            self._ask(f"M{outputs + 4 * number:x},4:{cell.to_bytes(4, 'little').hex()}")

    def _entry(self, function: int) -> int:
        """Where calls within the kernel enter a function."""
        first = int.from_bytes(bytes.fromhex(self._ask(f"m{function:x},4")), "little")
        return function + (LOCAL_ENTRY if first >> 16 == SETS_UP_R2 else 0)

    def _go_from(self, here: int, there: int) -> None:
        """From one break point, which is given up, to the next."""
        self._ask(f"z0,{here:x},4")
        self._break(there)
        self._send("c")
        self._stopped()

    def _break(self, address: int) -> None:
        self._ask(f"Z0,{address:x},4")

    def _register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self._ask(f"p{number:x}")), "little")

    def _stopped(self) -> None:
        answer = self._receive()
        if not answer.startswith("T"):
            raise Hang(f"QEMU's gdb stub says {answer!r} instead of a stop")

    def _ask(self, command: str) -> str:
        self._send(command)
        answer = self._receive()
        if answer.startswith("E"):
            raise Hang(f"QEMU's gdb stub refuses {command}: {answer}")
        return answer

    def _send(self, command: str) -> None:
        self.channel.sendall(f"${command}#{sum(command.encode()) & 0xFF:02x}".encode())
        if self._read.read(1) != b"+":
            raise Hang(f"QEMU's gdb stub does not take {command}")

    def _receive(self) -> str:
        """A packet: $text#checksum. A stream between two processes is not damaged, so the sum is not looked at."""
        try:
            start, text = self._read.read(1), bytearray()
            while (byte := self._read.read(1)) not in (b"#", b""):
                text += byte
            self._read.read(2)
        except TimeoutError:
            raise Hang("QEMU's gdb stub does not answer") from None
        if start != b"$":
            raise Hang("QEMU's gdb stub is gone")
        self.channel.sendall(b"+")
        return text.decode(errors="replace")
