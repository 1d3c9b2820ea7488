# SPDX-License-Identifier: GPL-2.0-or-later
"""The same calls on QEMU and on what is expected of it, answer by answer, and the tables read back after each batch."""

import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from conformance.qemu.calls import (
    CallAnswer,
    Made,
    Unlawful,
    answer_all,
    answers_of,
    lists_of,
    records_of,
    size_of,
)
from conformance.qemu.expected import Abort, expected, profile_of
from conformance.qemu.machine import BRIDGES, RAM, Machine, Stopped
from conformance.qemu.mailbox import MOST_LISTS, READ_BACK, READ_TCES, Interrupted, Mailbox, Record
from conformance.qemu.stream import LONGEST_LOOP, Stream
from conformance.qemu.tree import Tree
from model.calls import GetTce, HcallAnswer, RtasCall, TceRun
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.types import BusAddress, PhysAddr, Span

BATCH = 6000
"""Calls before the tables are read back; loops count as what they make."""
MARGIN = 64
"""Entries that are read at each end of what is written, of a table too large to be read as a whole."""
WHOLE = 4096
LIFE = 60_000
"""Calls of one machine; the next one starts as at boot."""
TABLES, DMA = "tables", "DMA"
STRENGTHS = (1, 12)
"""How hostile the streams are, see Stream."""


class Access(NamedTuple):
    """A device's access: it reads so many bytes, or writes these."""

    bus: BusAddress
    size: int
    data: bytes | None = None

    def __str__(self) -> str:
        """What the device does, in words."""
        return f"a device {'reads' if self.data is None else 'writes'} {self.size:#x} bytes at bus {self.bus:#x}"


class Difference(NamedTuple):
    """What is not explained: the calls since boot that lead there, and what was expected and observed after them.

    accesses: of a device after the calls, where it is about one.
    """

    calls: tuple[Made, ...]
    expected: str
    observed: str
    accesses: tuple[Access, ...] = ()

    @property
    def subject(self) -> str:
        """What differs: what a device reaches, the tables, or the answer to a kind of call."""
        if self.accesses:
            return DMA
        if not self.calls:
            return TABLES
        return TABLES if self.expected.startswith(("window", "tables")) else type(self.calls[-1]).__name__

    def like(self, other: "Difference | None") -> bool:
        """Whether the other one differs in the same; what a TCE holds is read by H_GET_TCE either way."""
        if other is None:
            return False
        return self.subject == other.subject or {self.subject, other.subject} == {TABLES, GetTce.__name__}


@dataclass
class Tally:
    """What was asked, and how often QEMU ended as it is known to (Q1)."""

    calls: int = 0
    read_back: int = 0
    aborts: int = 0
    machines: int = 0
    seen: Counter[str] = field(default_factory=Counter)


class Pair:
    """A machine and the platform that is expected to answer as it does."""

    def __init__(self, machine: Machine, without: Collection[type[Papr]] = ()) -> None:
        self.mailbox = Mailbox(machine)
        tree = Tree(self.mailbox.tree)
        bridges = [tree.bridge(index).properties for index in BRIDGES]
        assert bridges[0].applicable is not None
        query = answer_all(self.mailbox, [RtasCall(bridges[0].applicable[0], bridges[0].pe.cells, 6)])[0]
        assert not isinstance(query, tuple) and hasattr(query, "outputs")
        _, high, low, pages, _ = query.outputs
        profile = profile_of(bridges[0], high << 32 | low, pages)
        self.papr = expected(profile, bridges, Span(PhysAddr(0), PhysAddr(RAM)), without)

    def say(self, call: Made) -> CallAnswer | None:
        """What is expected; None: QEMU aborts."""
        try:
            return self.papr.rtas(call) if isinstance(call, RtasCall) else self.papr.hcall(call)
        except Abort:
            return None

    def ask(self, calls: Sequence[Made]) -> tuple[list[CallAnswer], str]:
        """QEMU's answers, and how it ended if it did."""
        records = records_of(self.mailbox, calls)
        try:
            said, ended = self.mailbox.run(records), ""
        except Interrupted as stopped:
            said, ended = stopped.answered, str(stopped)
        return answers_of(self.mailbox, calls, said), ended

    def tables(self) -> Iterator[tuple[Window, int, list[int]]]:
        """Stretches of all tables as they are expected: window, first entry, entries."""
        for pe in self.papr.endpoints:
            for window in self.papr.windows(pe):
                for start, stop in stretches(window):
                    values = [0] * (stop - start)
                    for run in window.table.spans(start, stop):
                        for index in range(run.start, run.stop):
                            values[index - start] = run.tce + (index - run.start) * run.step
                    yield window, start, values

    def wrong_table(self, tally: Tally) -> tuple[str, str] | None:
        """The first TCE that is not as expected, as (expected, observed)."""
        parts = list(self.tables())
        records, at = [], READ_BACK
        for window, start, values in parts:
            ioba = window.base + (start << window.page_shift)
            records.append(Record(READ_TCES, window.liobn, ioba, len(values), 1 << window.page_shift, 0, at))
            at += 8 * len(values)
        said = self.mailbox.run(records)
        at = READ_BACK
        for (window, start, values), (status, left) in zip(parts, said, strict=True):
            data = self.mailbox.read(at, 8 * len(values))
            at += len(data)
            tally.read_back += len(values)
            if status or left:
                return f"window {window.liobn:#x}", f"H_GET_TCE fails with {status:#x}, {left} entries before its end"
            if data != struct.pack(f">{len(values)}Q", *values):
                read = struct.unpack(f">{len(values)}Q", data)
                k = next(k for k, value in enumerate(values) if value != read[k])
                return f"window {window.liobn:#x} TCE {start + k:#x}: {values[k]:#x}", f"{read[k]:#x}"
        return None


def stretches(window: Window) -> list[tuple[int, int]]:
    """What of a table is read: all of a small one, else both ends of each run of TCEs and what is around them."""
    if window.entries <= WHOLE:
        return [(0, window.entries)]
    ends = sorted({0, window.entries, *(end for run in window.table.spans(0, window.entries) for end in run[:2])})
    found: list[tuple[int, int]] = []
    for end in ends:
        start, stop = max(0, end - MARGIN), min(window.entries, end + MARGIN)
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, stop))
    return found


def compare(
    cache: Path, calls: int, seed: int, tell: Callable[[int], None] = lambda done: None,
    without: Collection[type[Papr]] = (), tally: Tally | None = None,
) -> Difference | None:  # fmt: skip
    """Random calls on machine after machine until one differs, None if none does. tell: of the calls made so far."""
    tally = tally if tally is not None else Tally()
    random = Random(seed)
    while tally.calls < calls:
        hostile = STRENGTHS[tally.machines % len(STRENGTHS)]
        tally.machines += 1
        with Machine(cache) as machine:
            found = _life(Pair(machine, without), Stream(random, hostile), calls, tally, tell)
        if found is not None:
            return found
    return None


def calls_made(call: Made, answer: CallAnswer) -> int:
    """How many calls were answered: a loop ends at the first that fails."""
    if not isinstance(call, TceRun) or not isinstance(answer, HcallAnswer):
        return 1
    return min(len(call), answer.done + 1)


def _life(pair: Pair, stream: Stream, calls: int, tally: Tally, tell: Callable[[int], None]) -> Difference | None:
    history: list[Made] = []
    lived = 0
    while lived < LIFE and tally.calls < calls:
        batch: list[Made] = []
        wanted: list[CallAnswer] = []
        size, lists, aborts = 0, 0, False
        while size < BATCH and lists <= MOST_LISTS - LONGEST_LOOP and not aborts:
            call = stream.call(pair.papr)
            answer = pair.say(call)
            batch.append(call)
            size, lists, aborts = size + size_of(call), lists + lists_of(call), answer is None
            if answer is not None:
                wanted.append(answer)
                tally.seen[f"{type(call).__name__} {answer.status.name}"] += 1
        try:
            said, ended = pair.ask(batch)
        except Unlawful as unlawful:
            return Difference((*history, *batch), "an answer that LoPAR knows", str(unlawful))
        for number, (one, other) in enumerate(zip(wanted, said, strict=False)):
            if one != other:
                return Difference((*history, *batch[: number + 1]), str(one), str(other))
        if len(said) != len(wanted) or bool(ended) is not aborts:
            wish = "QEMU aborts" if aborts and len(said) == len(batch) else str(wanted[len(said) :][:1])
            return Difference((*history, *batch[: len(said) + 1]), wish, ended or str(said[len(wanted) :][:1]))
        made = sum(calls_made(call, answer) for call, answer in zip(batch, said, strict=False)) + aborts
        tally.calls += made
        lived += made
        history += batch
        tell(tally.calls)
        if aborts:
            tally.aborts += 1
            return None
        try:
            wrong = pair.wrong_table(tally)
        except Stopped as stopped:
            wrong = "tables that can be read", str(stopped)
        if wrong is not None:
            return Difference(tuple(history), *wrong)
    return None
