# SPDX-License-Identifier: GPL-2.0-or-later
"""The fewest calls that show each known deviation of QEMU, as they are on whatever machine is running."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from conformance.qemu.calls import Call, CallAnswer, Made, Unlawful, batches
from conformance.qemu.differ import Pair
from conformance.qemu.expected import (
    Abort,
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

    expected: answers of the platform that is held against QEMU; known: of the one that has all known deviations; None
    where they say that QEMU aborts. observed: QEMU's; ended: how QEMU did, "" if it runs on. papr: the platform with all
    known deviations, after the calls. anew: makes the one that is held against QEMU, as it was before them.
    """

    calls: tuple[Made, ...]
    expected: tuple[CallAnswer | None, ...]
    known: tuple[CallAnswer | None, ...]
    observed: tuple[CallAnswer, ...]
    ended: str
    papr: Papr
    anew: Callable[[], Papr]

    @property
    def other(self) -> Papr:
        """What is held against QEMU, after the calls."""
        papr = self.anew()
        for call in self.calls:
            say(papr, call)
        return papr


def say(papr: Papr, call: Made) -> CallAnswer | None:
    """The answer of a platform; None where it says that QEMU aborts."""
    try:
        return papr.rtas(call) if isinstance(call, RtasCall) else papr.hcall(call)
    except Abort:
        return None


def show(cache: Path, name: str) -> Shown:
    """Make the calls of an example on a fresh QEMU, on what is expected of it, and on that without the deviation."""
    example = EXAMPLES[name]
    return side_by_side(cache, lambda papr: example.calls(Calls(papr)), (example.rule,))


def side_by_side(
    cache: Path, calls_on: Callable[[Papr], Sequence[Made]], without: Collection[type[Papr]] = ()
) -> Shown:
    """Make calls on a fresh QEMU and on what is expected of it. without: deviations that are not expected."""
    with Machine(cache) as machine:
        pair = Pair(machine)
        tree = Tree(pair.mailbox.tree)
        bridges = [tree.bridge(index).properties for index in BRIDGES]
        profile = pair.papr.profile

        def anew() -> Papr:
            return expected(profile, bridges, Span(PhysAddr(0), PhysAddr(RAM)), without)

        lacking, calls = anew(), tuple(calls_on(pair.papr))
        wished, known = (tuple(say(papr, call) for call in calls) for papr in (lacking, pair.papr))
        observed, ended = list[CallAnswer](), ""
        for batch in batches(calls):
            try:
                said, ended = pair.ask(batch)
            except Unlawful as unlawful:
                said, ended = [], str(unlawful)
            observed += said
            if ended:
                break
    return Shown(calls, wished, known, tuple(observed), ended, pair.papr, anew)
