# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge's own books: what the run has asked for and what the hypervisor has answered, never what the guest thinks."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from model.calls import (
    GetRun,
    GetTce,
    Hcall,
    HcallAnswer,
    HcallStatus,
    PutTce,
    PutTceIndirect,
    RtasAnswer,
    RtasCall,
    RtasStatus,
    StuffTce,
    TceRun,
)
from model.events import AllocCoherent, Beginning, Event
from model.interfaces import TceSpan
from model.types import CONTROL, BusAddress, Direction, DmaMask, Liobn, PhysAddr, Span


class Piece(NamedTuple):
    """Memory that was asked for, and as many bus addresses at which the device is to reach it."""

    memory: Span[PhysAddr]
    handle: Span[BusAddress]


class Mapping(NamedTuple):
    """A live mapping: what asked for it, which memory that is, and the DMA segments that the driver was given.

    elements: the memory in order. segments: a single one unless it is a scatterlist. pieces: both, cut where either
    ends. own_tces: whether TCEs were set for it.
    """

    asked: Beginning
    elements: tuple[Span[PhysAddr], ...]
    segments: tuple[Span[BusAddress], ...]
    pieces: tuple[Piece, ...]
    own_tces: bool

    @property
    def device(self) -> int:
        """Whose it is."""
        return self.asked.device

    @property
    def first(self) -> Span[BusAddress] | None:
        """Its first segment; None for a guest that gave the driver none."""
        return next(iter(self.segments), None)

    @property
    def direction(self) -> Direction:
        """Which way its data goes."""
        return Direction.BIDIRECTIONAL if isinstance(self.asked, AllocCoherent) else self.asked.direction


def pieces_of(elements: Iterable[Span[PhysAddr]], segments: Iterable[Span[BusAddress]]) -> Iterator[Piece]:
    """The bytes of memory and those of the segments one by one, as runs that neither side interrupts."""
    waiting = iter(segments)
    room: Span[BusAddress] = Span(BusAddress(0), BusAddress(0))
    for element in elements:
        at = element.start
        while at < element.stop:
            while room.size <= 0:
                following = next(waiting, None)
                if following is None:
                    return
                room = following
            size = min(element.stop - at, room.size)
            middle = BusAddress(room.start + size)
            yield Piece(Span(at, PhysAddr(at + size)), Span(room.start, middle))
            at, room = PhysAddr(at + size), Span(middle, room.stop)


class Offer(NamedTuple):
    """The last answer of query for a PE."""

    windows: int
    block: int
    pages: int


@dataclass(slots=True)
class Crossing:
    """One call that crossed, with what the hypervisor held just before.

    name: "query", "H_PUT_TCE", ... pe: number of the PE that it names, or whose window; None if unknown.
    injected: the answer was dictated by a fault. dirty: the first window in which a remove or reset found a valid TCE that
    its caller had not been refused to clear.
    page_shift: of the window that a hypercall names, None if there is none.
    """

    name: str
    call: RtasCall | Hcall
    answer: RtasAnswer | HcallAnswer
    injected: bool
    pe: int | None
    dirty: Span[BusAddress] | None = None
    page_shift: int | None = None


class Dump(NamedTuple):
    """What a kernel left when it crashed: its RAM, and by PE and LIOBN the TCEs that grant access, as ranges.

    named: the PEs whose properties name a window that is there; in the middle of opening one that cannot be known.
    """

    online: tuple[Span[PhysAddr], ...]
    left: dict[tuple[int, Liobn], tuple[TceSpan, ...]]
    named: frozenset[int]

    def of(self, liobn: Liobn) -> tuple[TceSpan, ...]:
        """Those of one window."""
        return next((tces for (_, other), tces in self.left.items() if other == liobn), ())


@dataclass(slots=True)
class Ledger:
    """State of the run as its inputs and answers tell it.

    refused: ranges of bus addresses, by LIOBN, whose last clearing, or reading, the hypervisor refused. stranded:
    windows whose removal it refused. lost_default: PEs whose default it would not restore. `refused` and `stranded` are
    excused where an invariant asks that nothing be left: nobody could have done better.

    offers: query's last answer by PE. masks, coherent_masks: what drivers have set and were allowed, by device; windowed:
    the devices whose PE had a dynamic window when they set a DMA mask of more than 32 bits, and since. owned: the PEs that
    user space owns, with its tables by number, and whether each was set. frozen: PEs whose default window firmware did not
    name. under_way: the events that have begun and not ended; ending: mappings that some of them end; moving: memory that
    some of them bring or take. dump: what is being dumped, None if nothing is.
    """

    online: list[Span[PhysAddr]] = field(default_factory=list)
    vpmem: list[Span[PhysAddr]] = field(default_factory=list)
    mappings: dict[int, Mapping] = field(default_factory=dict)
    masks: dict[int, DmaMask] = field(default_factory=dict)
    coherent_masks: dict[int, DmaMask] = field(default_factory=dict)
    windowed: set[int] = field(default_factory=set)
    owned: dict[int, dict[int, bool]] = field(default_factory=dict)
    frozen: set[int] = field(default_factory=set)
    offers: dict[int, Offer] = field(default_factory=dict)
    refused: dict[Liobn, list[Span[BusAddress]]] = field(default_factory=dict)
    stranded: set[Liobn] = field(default_factory=set)
    lost_default: set[int] = field(default_factory=set)
    under_way: list[Event] = field(default_factory=list)
    ending: set[int] = field(default_factory=set)
    moving: list[Span[PhysAddr]] = field(default_factory=list)
    dump: Dump | None = None

    @contextmanager
    def moves(self, block: Span[PhysAddr]) -> Iterator[None]:
        """Memory is on its way in or out."""
        self.moving.append(block)
        try:
            yield
        finally:
            self.moving.remove(block)

    def excused(self, liobn: Liobn) -> Sequence[Span[BusAddress]]:
        """Bus ranges of a window that the hypervisor refused to clear."""
        return self.refused.get(liobn, ())

    def note_rtas(self, name: str, pe: int | None, call: RtasCall, answer: RtasAnswer) -> None:
        """Learn from an RTAS call and its answer."""
        done = answer.status is RtasStatus.SUCCESS
        if name == "query" and done and pe is not None:
            out = answer.outputs
            block = out[1] << 32 | out[2] if len(out) == 5 else out[1]
            self.offers[pe] = Offer(out[0], block, out[-2])
        if name == "remove":
            liobn = Liobn(call.args[0])
            if done:
                self.stranded.discard(liobn)
            else:
                self.stranded.add(liobn)
        if name == "reset" and pe is not None:
            if done:
                self.lost_default.discard(pe)
            elif answer.status in (RtasStatus.HARDWARE, RtasStatus.PARAMETER):
                self.lost_default.add(pe)

    def note_read(self, run: GetRun, answer: HcallAnswer) -> None:
        """Learn which TCE could not be read: nobody knows whether it is in use."""
        if answer.status is not HcallStatus.SUCCESS:
            at = run.ioba + answer.done * run.stride
            self.refused.setdefault(run.liobn, []).append(Span(BusAddress(at), BusAddress(at + run.stride)))

    def note_hcall(self, call: Hcall, answer: HcallAnswer, stride: int) -> None:
        """Learn what was refused to be cleared, and what was cleared after all."""
        if answer.status is HcallStatus.SUCCESS and call.liobn not in self.refused:
            return
        for span, cleared, done in pieces(call, answer, stride):
            old = self.refused.get(call.liobn, [])
            left = [part for other in old for part in minus(other, span)] if done else old
            if cleared and not done:
                left = [*left, span]
            if left or old:
                self.refused[call.liobn] = left

    def forget(self, gone: Iterable[Liobn]) -> None:
        """Drop what was refused in windows that are gone; one that comes back under the same LIOBN is a new one."""
        for liobn in gone:
            self.refused.pop(liobn, None)

    def forget_windows(self, existing: Iterable[Liobn]) -> None:
        """Drop what was noted of windows that exist no more."""
        if not (self.refused or self.stranded):
            return
        alive = set(existing)
        self.refused = {liobn: spans for liobn, spans in self.refused.items() if liobn in alive}
        self.stranded &= alive


def minus(span: Span[BusAddress], taken: Span[BusAddress]) -> list[Span[BusAddress]]:
    """What of `span` lies outside `taken`."""
    if not span.touches(taken):
        return [span]
    parts = [Span(span.start, taken.start), Span(taken.stop, span.stop)]
    return [part for part in parts if part.size > 0]


def pieces(call: Hcall, answer: HcallAnswer, stride: int) -> list[tuple[Span[BusAddress], bool, bool]]:
    """The bus ranges a write named: (range, whether it clears, whether it was done); a loop may have a part of each."""
    if isinstance(call, TceRun):
        clears = not call.first & CONTROL
        done = min(call.entries, answer.done * call.per_call)
        stop = min(call.entries, done + call.per_call)
        spans = [(0, done, True), (done, stop, False)]
        return [
            (Span(BusAddress(call.ioba + a * call.stride), BusAddress(call.ioba + b * call.stride)), clears, ok)
            for a, b, ok in spans
            if b > a
        ]
    if isinstance(call, GetTce | GetRun):
        return []
    if isinstance(call, PutTceIndirect):
        count, clears = call.count, not any(tce & CONTROL for tce in call.tces)
    else:
        count, clears = (call.count if isinstance(call, StuffTce) else 1), not call.tce & CONTROL
    span = Span(call.ioba, BusAddress(call.ioba + count * stride))
    return [(span, clears, answer.status is HcallStatus.SUCCESS)]


NAMES = {PutTce: "H_PUT_TCE", StuffTce: "H_STUFF_TCE", PutTceIndirect: "H_PUT_TCE_INDIRECT", GetTce: "H_GET_TCE"}
"""LoPAR's names of the hypercalls."""


def hcall_name(call: Hcall) -> str:
    """LoPAR's name of a hypercall, or of the one that a loop repeats."""
    return NAMES[call.kind if isinstance(call, TceRun) else GetTce if isinstance(call, GetRun) else type(call)]
