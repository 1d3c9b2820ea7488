# SPDX-License-Identifier: GPL-2.0-or-later
"""Random calls for a platform in its present state, in two strengths: mostly well formed, and hostile."""

from random import Random

from conformance.qemu.calls import Made
from model.calls import GetTce, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun, tce_list
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.types import BusAddress, Liobn, Tce

TOP = 1 << 64
GIANT = (1 << 31, 1 << 32, 1 << 63, TOP - 1)
FOREIGN = (0x80000102, 0x1234, 0, 0xFFFFFFFF, 1 << 32 | 0x80000100, TOP - 1)
"""LIOBNs of no window."""
LARGEST = 1 << 20
"""TCEs of a window up to which a whole one may be stuffed in one call: each costs QEMU 8 bytes and 27 ns."""

LOOPS = (PutTce, StuffTce, PutTceIndirect)
LONGEST_LOOP = 48
"""Calls of a loop."""


class Stream:
    """Draws calls. hostile: how many of a hundred operands are out of the ordinary."""

    def __init__(self, random: Random, hostile: int) -> None:
        self.random, self._hostile = random, hostile

    def rarely(self, usual: int, *others: int) -> int:
        """`usual`, or one of the others as often as the stream is hostile."""
        return self.random.choice(others) if self.is_odd() else usual

    def is_odd(self) -> bool:
        """Whether the next operand is out of the ordinary."""
        return self.random.random() * 100 < self._hostile

    def call(self, papr: Papr) -> Made:
        """One call: of a hundred, four are RTAS calls."""
        return self.rtas(papr) if self.below(25) == 0 else self.hcall(papr)

    def window(self, papr: Papr) -> Window | None:
        """One of those that exist."""
        windows = [window for pe in papr.endpoints for window in papr.windows(pe)]
        return self.random.choice(windows) if windows else None

    def rtas(self, papr: Papr) -> RtasCall:
        """An RTAS call; wrong bridge, config address, shifts and counts now and then."""
        random, profile = self.random, papr.profile
        query, create, remove = profile.tokens
        pe = random.choice(list(papr.endpoints))
        config, high, low = pe.cells
        args: tuple[int, ...] = (self.rarely(config, 0x10000, 0xFFFFFFFF), high, self.rarely(low, 0, low + 16))
        token = random.choice((query, create, create, create, remove, remove, profile.extensions[1]))
        nret = 1
        if token == query:
            nret = random.choice((5, 6))
        elif token == create:
            page = self.rarely(random.choice((12, 16, 21, 24)), random.randrange(256), 0xFFFFFFFF)
            window = self.rarely((page + random.randrange(20)) % (1 << 32), random.randrange(256), 0xFFFFFFFF)
            args, nret = (*args, page, window), 4
        elif token == remove:
            there = self.window(papr)
            args = (self.rarely(there.liobn if there else 0, 0x80000103, 0x1234, 0),)
        if random.randrange(100) < self._hostile:
            args = random.choice((args[:-1], (*args, 0), ()))
        return RtasCall(self.rarely(token, 0x2FFF, 0), args, self.rarely(nret, *range(8)))

    def below(self, count: int) -> int:
        """A number below `count`; faster than randrange() of one."""
        return int(self.random.random() * count)

    def hcall(self, papr: Papr) -> Made:
        """A TCE hypercall, or a loop of them, at the start, in the middle or at the end of a window."""
        window = self.window(papr)
        shift, base, entries = (window.page_shift, window.base, window.entries) if window else (12, 0, 1)
        entry = (0, entries // 2, max(0, entries - 16))[self.below(3)] + self.below(24)
        ioba = base + (entry << shift)
        if self.is_odd():
            ioba = self.random.choice((ioba + 1, ioba + (1 << shift) // 2, base - 1, 0, *GIANT)) % TOP
        liobn = Liobn(self.rarely(window.liobn if window else 0, *FOREIGN))
        kind = self.below(16)
        if kind < 6:
            return GetTce(liobn, BusAddress(ioba))
        tce, count, page = self.tce(), self.rarely(self.below(24), 0, 511, 512, 513), 1 << shift
        if kind < 9:
            return PutTce(liobn, BusAddress(ioba), tce)
        if kind < 12:
            if self.is_odd():
                large = (n for n in (4096, entries, entries + 1, *GIANT) if n <= LARGEST or n > entries)
                count = self.random.choice((count, *large))
            return StuffTce(liobn, BusAddress(ioba), tce, count)
        step = self.rarely(page, 0)
        if tce + step * max(count, 8 * LONGEST_LOOP) >= TOP:
            step = 0
        if kind < 14 or ioba + page * 8 * LONGEST_LOOP >= TOP:
            return PutTceIndirect(liobn, BusAddress(ioba), tce_list(tce, step, count), self.rarely(0, 0x400008))
        loop = LOOPS[self.below(3)]
        per_call = 1 if loop is PutTce else 1 + self.below(8)
        made = 1 + self.below(LONGEST_LOOP)
        return TceRun(
            loop, liobn, BusAddress(ioba), tce, 0 if loop is StuffTce else step, page, made * per_call, per_call
        )

    def tce(self) -> Tce:
        """Anything that may be asked for."""
        address = self.below(1 << 16)
        if self.is_odd():
            address = self.random.getrandbits(40 if self.below(2) else 52)
        return Tce(address << 12 | (3, 3, 1, 2, 0)[self.below(5)] | self.rarely(0, 0x10, 0xFFC))
