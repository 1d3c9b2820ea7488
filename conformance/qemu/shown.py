# SPDX-License-Identifier: GPL-2.0-or-later
"""The fewest calls that show each known deviation of QEMU, as they are on whatever machine is running."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from conformance.qemu.calls import Call, CallAnswer
from conformance.qemu.differ import Pair
from conformance.qemu.expected import (
    BridgeIsThePe,
    DefaultLiobnAgain,
    MemoryIsNotAsked,
    NoneIsRefused,
    OffersLess,
    SamePlace,
    ShiftsWrap,
    StuffIsAsLongAsTheWindow,
    TcesAreKept,
    WhatFitsIsWritten,
    expected,
)
from conformance.qemu.machine import BRIDGES, RAM, Machine
from conformance.qemu.tree import Tree, pe_of_bridge
from model.calls import GetTce, PutTce, RtasCall, StuffTce
from model.hypervisor.papr import Papr
from model.types import CONTROL, BusAddress, PhysAddr, Span, Tce

OTHER_FUNCTION = 0x1000
"""A config address of no PE."""
START = BusAddress(0)
"""Of the default window."""


class Calls:
    """The calls on the first bridge's PE, by what they do. `papr` knows its tokens and its windows."""

    def __init__(self, papr: Papr) -> None:
        self.pe = pe_of_bridge(BRIDGES[0])
        self._query, self._create, self._remove = papr.profile.tokens
        self.default = papr.endpoints[self.pe].default
        self.last = BusAddress(self.default.span.stop - 4096)

    def query(self, outputs: int, config: int = 0) -> RtasCall:
        """ibm,query-pe-dma-windows."""
        return RtasCall(self._query, (self.pe.cells[0] + config, *self.pe.cells[1:]), outputs)

    def create(self, page: int, window: int) -> RtasCall:
        """ibm,create-pe-dma-window."""
        return RtasCall(self._create, (*self.pe.cells, page, window), 4)

    def remove_default(self) -> RtasCall:
        """ibm,remove-pe-dma-window."""
        return RtasCall(self._remove, (self.default.liobn,), 1)

    def put(self, tce: int, ioba: BusAddress = START) -> PutTce:
        """H_PUT_TCE in the default window."""
        return PutTce(self.default.liobn, ioba, Tce(tce))

    def get(self, ioba: BusAddress = START) -> GetTce:
        """H_GET_TCE in the default window."""
        return GetTce(self.default.liobn, ioba)

    def stuff(self, count: int, ioba: BusAddress = START) -> StuffTce:
        """H_STUFF_TCE in the default window: clear some TCEs."""
        return StuffTce(self.default.liobn, ioba, Tce(0), count)


class Example(NamedTuple):
    """A deviation and the calls that show it."""

    rule: type[Papr]
    calls: Callable[[Calls], Sequence[Call]]


EXAMPLES = {
    "Q1": Example(ShiftsWrap, lambda c: [c.create(12, 44), c.create(12, 20)]),
    "Q2": Example(SamePlace, lambda c: [c.create(16, 30), c.remove_default(), c.create(12, 24)]),
    "Q3": Example(OffersLess, lambda c: [c.query(5)]),
    "Q4": Example(BridgeIsThePe, lambda c: [c.query(6, OTHER_FUNCTION)]),
    "Q5": Example(DefaultLiobnAgain, lambda c: [c.remove_default(), c.create(16, 30)]),
    "Q6": Example(MemoryIsNotAsked, lambda c: [c.put(RAM | CONTROL)]),
    "Q7": Example(TcesAreKept, lambda c: [c.put(0x1000 | 1 << 5 | CONTROL), c.get()]),
    "Q8": Example(WhatFitsIsWritten, lambda c: [c.put(0x1000 | CONTROL, c.last), c.stuff(2, c.last), c.get(c.last)]),
    "Q9": Example(StuffIsAsLongAsTheWindow, lambda c: [c.stuff(513)]),
    "Q10": Example(NoneIsRefused, lambda c: [c.stuff(0)]),
}
"""By the entry of FINDINGS.md."""


class Shown(NamedTuple):
    """What both did.

    expected: answers of the platform that lacks the deviation, known: of that which has it, None where it says that QEMU
    aborts; observed: QEMU's; ended: how QEMU did, "" if it runs on. papr: the platform as QEMU has left it; other: as the
    reference would have.
    """

    calls: tuple[Call, ...]
    expected: tuple[CallAnswer, ...]
    known: tuple[CallAnswer | None, ...]
    observed: tuple[CallAnswer, ...]
    ended: str
    papr: Papr
    other: Papr


def _say(papr: Papr, call: Call) -> CallAnswer:
    return papr.rtas(call) if isinstance(call, RtasCall) else papr.hcall(call)


def show(cache: Path, name: str) -> Shown:
    """Make the calls on a fresh QEMU, on what is expected of it, and on that without the deviation."""
    example = EXAMPLES[name]
    with Machine(cache) as machine:
        pair = Pair(machine)
        tree = Tree(pair.mailbox.tree)
        bridges = [tree.bridge(index).properties for index in BRIDGES]
        lacking = expected(pair.papr.profile, bridges, Span(PhysAddr(0), PhysAddr(RAM)), (example.rule,))
        calls = list(example.calls(Calls(pair.papr)))
        wished = tuple(_say(lacking, call) for call in calls)
        known = tuple(map(pair.say, calls))
        observed, ended = pair.ask(calls)
    return Shown(tuple(calls), wished, known, tuple(observed), ended, pair.papr, lacking)
