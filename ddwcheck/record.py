# SPDX-License-Identifier: GPL-2.0-or-later
"""What QEMU traced of a booted kernel's TCE calls, judged line by line.

The lines are those of `-trace spapr_iommu_*`; among them may stand what the guest printed, and of that the "System RAM"
lines of /proc/iomem: where they stand, that is the RAM there is. Windows are kept as ranges, apart from the model's own
tables, so that memory follows the number of ranges and not the length of the trace.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ddwcheck import BadInput, Verdict
from ddwcheck.record_kernel import Said
from ddwcheck.record_window import Window, minus, union
from model.guest.enable import ALL_BITS
from model.guest.sizing import PAGE_SHIFT_OF_BIT, all_dynamic, largest_window_shift
from model.types import CONTROL
from model.words import word

PREFIX = "spapr_iommu_"
DEFAULT_SHIFT = 12
MOST_PER_CALL = 512
"""TCEs that H_STUFF_TCE and H_PUT_TCE_INDIRECT take. LoPAR 14.5.4.2."""

PCI_LIOBN = 1 << 31
"""Set in the LIOBNs of PHBs, not in those of virtual devices. QEMU: SPAPR_IS_PCI_LIOBN()."""

WIDE_BLOCK = 1 << 37
"""TCEs that QEMU offers to a query with six outputs; its trace shows those of the five-output form, whichever was asked.

QEMU: rtas_ibm_query_pe_dma_window().
"""

MOST_SHOWN = 10
"""Broken lines that are kept of each invariant, and open ones; the rest is counted."""

CHECKED = ("calls-well-formed", "no-dead-liobn", "regions-inside-window", "window-empty-at-removal", "ram-covered",
           "direct-maps-only-ram")  # fmt: skip
NOT_SHOWN = "live mappings, masks, answers of the kernel, lists of TCEs but for their last entry"
"""What no such trace shows, so that no invariant about it is judged."""

_NUMBER = "0x[0-9a-f]{1,16}"
_EVENT = re.compile(r"(?:[0-9]+@[0-9.]+:)?spapr_iommu_(\w+) (.*)")
_PUT = re.compile(rf"liobn=({_NUMBER}) ioba=({_NUMBER}) tce=({_NUMBER}) ret=(-?[0-9]+)")
_STUFF = re.compile(rf"liobn=({_NUMBER}) ioba=({_NUMBER}) tcevalue=({_NUMBER}) npages=([0-9]+) ret=(-?[0-9]+)")
_LIST = re.compile(
    rf"liobn=({_NUMBER}) ioba=({_NUMBER}) tcelist={_NUMBER} iobaN=({_NUMBER}) tceN=({_NUMBER}) ret=(-?[0-9]+)"
)
_QUERY = re.compile(
    rf"buid=({_NUMBER}) addr=({_NUMBER}), ([0-9]+) windows available, max window size=({_NUMBER}), mask=({_NUMBER})"
)
_CREATE = re.compile(
    rf"buid=({_NUMBER}) addr=({_NUMBER}), page size=({_NUMBER}), requested=({_NUMBER}), "
    rf"start addr=({_NUMBER}), liobn=({_NUMBER})"
)
_REMOVE = re.compile(rf"liobn=({_NUMBER})")
_RESET = re.compile(rf"buid=({_NUMBER}) addr=({_NUMBER})")
_RAM = re.compile(r"([0-9a-f]{8,16})-([0-9a-f]{8,16}) : System RAM")
_TABLE = re.compile(rf"liobn=({_NUMBER}) table=\S+ fd=-?[0-9]+")
_OTHER = {"xlate", "pci_get", "get"}
"""Events that change no table: DMA, reading."""


class Broken(NamedTuple):
    """A rule that a line of the trace breaks."""

    line: int
    invariant: str
    message: str


class Open(NamedTuple):
    """What a line of the trace leaves undecided."""

    line: int
    message: str


class Offer(NamedTuple):
    """What query answered. block: TCEs; pages: LoPAR's mask of page sizes."""

    block: int
    pages: int

    @property
    def page_shifts(self) -> set[int]:
        """log2 of the I/O pages offered."""
        return {shift for bit, shift in enumerate(PAGE_SHIFT_OF_BIT) if self.pages >> bit & 1}


@dataclass(slots=True)
class Judge:
    """The state of the platform as the trace tells it. said: what the kernel's own lines add."""

    where: str
    said: Said = Said()
    windows: dict[int, Window] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    """Default windows that are gone."""
    made: int | None = None
    """The LIOBN of a table that QEMU has set up since the last call, which is what asked for it."""
    phbs: dict[int, int] = field(default_factory=dict)
    """Unit ids, by the part of a LIOBN that all windows of a PHB share."""
    offers: dict[tuple[int, int], Offer] = field(default_factory=dict)
    ram: list[tuple[int, int]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    open: list[Open] = field(default_factory=list)
    questions: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    maps_of_ram: int = 0
    judged: int = 0

    def read(self, lines: Iterable[tuple[int, str]]) -> None:
        """Every line. BadInput names one that is about a TCE table and cannot be read."""
        number = 0
        for number, line in lines:
            if PREFIX in line:
                self._end_of_map(number)
                self._event(number, line.rstrip("\n"))
            elif "System RAM" in line and (match := _RAM.fullmatch(line.strip())):
                self.ram.append((int(match[1], 16), int(match[2], 16) + 1))
            else:
                self._end_of_map(number)
        self._end_of_map(number)

    def _event(self, number: int, line: str) -> None:
        event = _EVENT.fullmatch(line)
        if event is None:
            raise BadInput(f"{self.where}:{number}: cannot read this line of -trace {PREFIX}*")
        kind, said = event[1], event[2]
        if kind in _OTHER:
            return
        made, self.made = self.made, None
        if kind == "new_table":
            (self.made,) = self._numbers(number, _TABLE, said)
            self.removed.discard(self.made)
            return
        self.calls[kind] += 1
        if kind in ("put", "pci_put"):
            liobn, ioba, tce, ret = self._numbers(number, _PUT, said)
            self._set(number, liobn, ioba, 1, tce, ret, first=True)
        elif kind in ("stuff", "pci_stuff"):
            liobn, after, tce, count, ret = self._numbers(number, _STUFF, said)
            # QEMU prints the bus address behind what it has set
            shift = self._shift(liobn)
            self._set(number, liobn, after - (count << shift) if ret == 0 else after, count, tce, ret, first=True)
        elif kind in ("indirect", "pci_indirect"):
            liobn, ioba, last, tce, ret = self._numbers(number, _LIST, said)
            count = last + 1 if last < MOST_PER_CALL else ((last - ioba) >> self._shift(liobn)) + 1
            count += ret != 0  # QEMU prints the entry before the one that was refused
            self._set(number, liobn, ioba, count, tce, ret, first=False)
        elif kind == "ddw_query":
            buid, address, _, block, mask = self._numbers(number, _QUERY, said)
            self.offers[buid, address] = Offer(block, mask)
        elif kind == "ddw_create":
            self._create(number, *self._numbers(number, _CREATE, said))
        elif kind == "ddw_remove":
            (liobn,) = self._numbers(number, _REMOVE, said)
            self._remove(number, liobn)
        elif kind == "ddw_reset":
            buid, _ = self._numbers(number, _RESET, said)
            if made is not None:
                self.phbs[_phb(made)] = buid
            self._reset(number, buid)
        else:
            raise BadInput(f"{self.where}:{number}: unknown event {PREFIX}{kind}")

    def _numbers(self, number: int, form: re.Pattern[str], said: str) -> list[int]:
        match = form.fullmatch(said)
        if match is None:
            raise BadInput(f"{self.where}:{number}: cannot read this line of -trace {PREFIX}*")
        return [int(text, 0) for text in match.groups()]

    def _shift(self, liobn: int) -> int:
        window = self.windows.get(liobn)
        return window.shift if window else DEFAULT_SHIFT

    def _set(self, number: int, liobn: int, ioba: int, count: int, tce: int, ret: int, first: bool) -> None:
        """`count` entries from IOBA on; `tce` is the first of them or the last, the others follow 1:1."""
        if not 1 <= count <= MOST_PER_CALL:
            self._break(number, "calls-well-formed", f"{count} TCEs in one call, not 1 to {MOST_PER_CALL}")
        window = self.windows.get(liobn)
        if window is None:
            if liobn in self.removed or not _is_default(liobn):
                self._break(number, "no-dead-liobn", f"LIOBN {liobn:#x} has no window")
                return
            window = self.windows.setdefault(liobn, Window(0, DEFAULT_SHIFT))
        start = (ioba - window.base) >> window.shift
        beyond = window.size is not None and (start + count) << window.shift > window.size
        if ret != 0:
            # LoPAR 14.5.4.2: no effect; but QEMU goes entry by entry until one lies beyond the window: put_tce_emu()
            if count > 1 and (beyond or window.size is None):
                self._leave(number, f"a refused call at {ioba:#x}: QEMU may have set some of its {count} TCEs")
            return
        page = 1 << window.shift
        if ioba % page or (tce & CONTROL and (tce & ~CONTROL) % page):
            self._break(number, "calls-well-formed", f"IOBA {ioba:#x} or TCE {tce:#x} is inside an I/O page")
        if start < 0 or beyond:
            self._break(number, "regions-inside-window", f"TCEs at {ioba:#x} lie beyond the window")
            return
        target = tce >> window.shift
        window.put(start, start + count, (target if first else target - count + 1) if tce & CONTROL else None)

    def _create(self, number: int, buid: int, address: int, page: int, size: int, base: int, liobn: int) -> None:
        if page.bit_count() != 1:
            raise BadInput(f"{self.where}:{number}: an I/O page of {page:#x} bytes is no power of two")
        shift, offer = page.bit_length() - 1, self.offers.get((buid, address))
        window = self.windows[liobn] = Window(base, shift, size, self.said.direct.get(liobn))
        self.phbs[_phb(liobn)] = buid
        if offer is None:
            self._break(number, "regions-inside-window", "create without a query before it")
            return
        if shift not in offer.page_shifts:
            text = f"an I/O page of {page:#x}, which is not in query's mask {offer.pages:#x}"
            self._break(number, "regions-inside-window", text)
            return
        told = self.said.blocks.get((buid, address))
        block = offer.block if told is None else told
        # a window for TCEs on demand is the largest; one that is smaller was made for RAM. QEMU: no limited addressing
        largest = all_dynamic(largest_window_shift(word(block), word(shift), word(ALL_BITS))).shift
        if window.direct is None and size < 1 << largest:
            window.direct = True
        if size > block << shift:
            text = f"a window of {size:#x} bytes is larger than the {block:#x} TCEs that query offered"
            if told is None and size <= WIDE_BLOCK << shift:
                self._leave(number, f"{text}, unless it had six outputs, of which QEMU traces nothing")
            else:
                self._break(number, "regions-inside-window", text)

    def _remove(self, number: int, liobn: int) -> None:
        window = self.windows.pop(liobn, None)
        if window is not None and window.runs:
            self._break(number, "window-empty-at-removal", f"LIOBN {liobn:#x} still has {len(window.runs)} valid runs")
        if _is_default(liobn):
            self.removed.add(liobn)

    def _reset(self, number: int, buid: int) -> None:
        """All windows of one PHB go, its default comes back: QEMU has one PE in each. LoPAR 7.3.27.4.1."""
        for liobn in [*self.windows, *self.removed]:
            phb, window = self.phbs.get(_phb(liobn)), self.windows.get(liobn)
            if phb == buid:
                self._remove(number, liobn)
                self.removed.discard(liobn)
            elif phb is None and liobn & PCI_LIOBN and (window is None or window.runs):
                self.windows.pop(liobn, None)
                self.removed.discard(liobn)
                self._leave(number, f"whether LIOBN {liobn:#x} is of PHB {buid:#x}, which is reset, is not known")

    def _end_of_map(self, number: int) -> None:
        """Behind a block of System RAM lines: do the direct windows reach all of it, and nothing else?"""
        if not self.ram:
            return
        ram, self.ram = union(self.ram), []
        self.maps_of_ram += 1
        for liobn, window in self.windows.items():
            if window.size is None or window.direct is False or (window.direct is None and ram[-1][1] > window.size):
                continue  # no RAM is mapped into it: it does not fit
            if window.direct is None:
                text = f"LIOBN {liobn:#x} is as large as offered: the kernel's lines would say whether it maps RAM"
                self._leave(number, text)
                continue
            self.judged += 1
            reached = window.reached()
            wanted = union([(a, min(b, window.size)) for a, b in ram])
            rounded = union(
                [(a >> window.shift << window.shift, -(-b >> window.shift) << window.shift) for a, b in wanted]
            )
            if missing := minus(wanted, reached):
                text = f"LIOBN {liobn:#x} does not reach RAM from {missing[0][0]:#x} to {missing[0][1]:#x}"
                self._break(number, "ram-covered", text)
            if stray := minus(reached, rounded):
                text = f"LIOBN {liobn:#x} reaches {stray[0][0]:#x} to {stray[0][1]:#x}, which is no RAM"
                self._break(number, "direct-maps-only-ram", text)

    def _break(self, line: int, invariant: str, message: str) -> None:
        self.violations[invariant] += 1
        if self.violations[invariant] <= MOST_SHOWN:
            self.broken.append(Broken(line, invariant, message))

    def _leave(self, line: int, message: str) -> None:
        self.questions += 1
        if self.questions <= MOST_SHOWN:
            self.open.append(Open(line, message))


def _phb(liobn: int) -> int:
    """What the LIOBNs of one PHB share. QEMU: SPAPR_PCI_LIOBN()."""
    return liobn >> 8


def _is_default(liobn: int) -> bool:
    """Whether the window is there without a create: the first of a PHB, or that of a virtual device."""
    return not liobn & PCI_LIOBN or not liobn & 0xFF


def report(judge: Judge) -> Iterator[str]:
    """What was read, what is broken, what could not be judged."""
    yield f"  calls: {', '.join(f'{count} {kind}' for kind, count in sorted(judge.calls.items()))}"
    yield f"  maps of RAM: {judge.maps_of_ram}, direct windows held against them: {judge.judged}"
    yield from (f"  line {b.line}: BROKEN RULE: {b.invariant}: {b.message}" for b in judge.broken)
    hidden = judge.violations.total() - len(judge.broken)
    if hidden:
        yield f"  and {hidden} more broken lines"
    yield from (f"  line {question.line}: open: {question.message}" for question in judge.open)
    if judge.questions > len(judge.open):
        yield f"  and {judge.questions - len(judge.open)} more open lines"
    yield f"  checked: {', '.join(CHECKED)}"
    yield f"  not shown by such a trace: {NOT_SHOWN}"
    yield f"  {verdict(judge).name}"


def verdict(judge: Judge) -> Verdict:
    """Without a map of RAM beside a direct window, the two invariants about RAM are open."""
    if judge.broken:
        return Verdict.VIOLATED
    return Verdict.HOLDS if judge.judged and not judge.open else Verdict.INCONCLUSIVE
