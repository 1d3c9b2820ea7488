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
from ddwcheck.record_lines import PREFIX, parse
from ddwcheck.record_window import Window, minus, union
from model.guest.enable import ALL_BITS
from model.guest.sizing import PAGE_SHIFT_OF_BIT, all_dynamic, largest_window_shift
from model.types import CONTROL, READ, WRITE
from model.words import word

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
           "direct-maps-only-ram", "mapping-translates")  # fmt: skip
NOT_SHOWN = "live mappings, masks, answers of the kernel, lists of TCEs but for their last entry"
"""What no such trace shows, so that no invariant about it is judged."""

_RAM = re.compile(r"([0-9a-f]{8,16})-([0-9a-f]{8,16}) : System RAM")


def ram_in(line: str) -> tuple[int, int] | None:
    """First and last address of a "System RAM" line of /proc/iomem, as a range."""
    match = _RAM.fullmatch(line.strip())
    return (int(match[1], 16), int(match[2], 16) + 1) if match else None


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
    accesses: int = 0
    """Of devices, each beside what its window is known to hold."""

    def read(self, lines: Iterable[tuple[int, str]]) -> None:
        """Every line. BadInput names one that is about a TCE table and cannot be read."""
        number = 0
        for number, line in lines:
            if PREFIX in line:
                if self.ram:
                    self._end_of_map(number)
                self._event(number, line.rstrip("\n"))
            elif "System RAM" in line and (match := _RAM.fullmatch(line.strip())):
                self._ram(number, int(match[1], 16), int(match[2], 16))
            elif self.ram:
                self._end_of_map(number)
        self._end_of_map(number)

    def _ram(self, number: int, first: int, last: int) -> None:
        """One line of /proc/iomem, which hides its addresses from all but root. Linux: r_show() in kernel/resource.c."""
        if last == 0:
            self._leave(number, "a map of RAM without addresses: read /proc/iomem as root")
        else:
            self.ram.append((first, last + 1))

    def _event(self, number: int, line: str) -> None:
        event = parse(line, self.where, number)
        if event is None:
            return
        kind, numbers = event
        if kind == "xlate":
            self._dma(number, *numbers)
            return
        made, self.made = self.made, None
        if kind == "ddw_reset" and made is not None:
            self.phbs[_phb(made)] = numbers[0]
        elif kind != "ddw_create" and made is not None and _is_default(made):
            self._restart(made)
        if kind == "new_table":
            self.made = numbers[0]
            self.removed.discard(self.made)
            return
        self.calls[kind] += 1
        self._call(number, kind, numbers)

    def _call(self, number: int, kind: str, numbers: list[int]) -> None:
        match kind:
            case "put" | "pci_put":
                liobn, ioba, tce, ret = numbers
                self._set(number, liobn, ioba, 1, tce, ret)
            case "stuff" | "pci_stuff":
                liobn, after, tce, count, ret = numbers
                # QEMU prints the bus address behind what it has set
                ioba = after - (count << self._shift(liobn)) if ret == 0 else after
                self._set(number, liobn, ioba, count, tce, ret, step=0)
            case "indirect" | "pci_indirect":
                liobn, ioba, last, tce, ret = numbers
                count = last + 1 if last < MOST_PER_CALL else ((last - ioba) >> self._shift(liobn)) + 1
                count += ret != 0  # QEMU prints the entry before the one that was refused
                first = tce - (count - 1 << self._shift(liobn)) if tce & CONTROL else tce
                self._set(number, liobn, ioba, count, first, ret)
            case "ddw_query":
                buid, address, _, block, mask = numbers
                self.offers[buid, address] = Offer(block, mask)
            case "ddw_create":
                self._create(number, *numbers)
            case "ddw_remove":
                self._remove(number, numbers[0])
            case "ddw_reset":
                self._reset(number, numbers[0])

    def _shift(self, liobn: int) -> int:
        window = self.windows.get(liobn)
        return window.shift if window else DEFAULT_SHIFT

    def _set(self, number: int, liobn: int, ioba: int, count: int, tce: int, ret: int, step: int = 1) -> None:
        """`count` entries from IOBA on; `tce` is the first, each other is `step` I/O pages on, 0 or 1."""
        if not 1 <= count <= MOST_PER_CALL:
            self._break(number, "calls-well-formed", f"{count} TCEs in one call, not 1 to {MOST_PER_CALL}")
            if count < 1 or tce & CONTROL:
                return
        window = self.windows.get(liobn)
        if window is None:
            if liobn in self.removed or not _is_default(liobn):
                self._break(number, "no-dead-liobn", f"LIOBN {liobn:#x} has no window")
                return
            window = self.windows[liobn] = Window(0, DEFAULT_SHIFT)
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
        first, access = tce >> window.shift, tce & CONTROL
        if step or not access:
            window.put(start, start + count, first, access)
            return
        for entry in range(start, start + count):
            window.put(entry, entry + 1, first, access)

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

    def _restart(self, default: int) -> None:
        """The machine has started anew: every window of a PHB is gone, nobody had to empty it. QEMU: spapr_phb_reset()."""
        for liobn in [liobn for liobn in self.windows if _phb(liobn) == _phb(default)]:
            del self.windows[liobn]

    def _dma(self, number: int, liobn: int, offset: int, memory: int, access: int, _: int) -> None:
        """A device's access, `offset` bytes into a window: does it reach what the calls have put there?

        QEMU: spapr_tce_translate_iommu(), which looks the TCE up for each I/O page that is touched.
        """
        self.accesses += 1
        window = self.windows.get(liobn)
        run = window.at(offset >> window.shift) if window else None
        if window is None or run is None:
            self._break(number, "mapping-translates", f"a device's access at {offset:#x} in LIOBN {liobn:#x}: no TCE")
            return
        expected = (run.page + (offset >> window.shift) - run.start) << window.shift, run.access
        if expected != (memory, access):
            text = (
                f"{offset:#x} in LIOBN {liobn:#x} reaches {memory:#x}, access {access}; its TCE says {expected[0]:#x}"
            )
            self._break(number, "mapping-translates", f"{text}, access {expected[1]}")

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
            wanted = union([(a, min(b, window.size)) for a, b in ram])
            rounded = union(
                [(a >> window.shift << window.shift, -(-b >> window.shift) << window.shift) for a, b in wanted]
            )
            if missing := minus(wanted, window.reached([CONTROL])):
                text = f"LIOBN {liobn:#x} does not reach, read and write, RAM from {missing[0][0]:#x} to {missing[0][1]:#x}"
                self._break(number, "ram-covered", text)
            if stray := minus(window.reached([READ, WRITE, CONTROL]), rounded):
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
    yield f"  accesses of devices: {judge.accesses}, each where its TCE says, unless told below"
    yield from (f"  line {b.line}: BROKEN RULE: {b.invariant}: {b.message}" for b in judge.broken)
    hidden = judge.violations.total() - len(judge.broken)
    if hidden:
        yield f"  and {hidden} more broken lines"
    yield from (f"  line {question.line}: open: {question.message}" for question in judge.open)
    if judge.questions > len(judge.open):
        yield f"  and {judge.questions - len(judge.open)} more open lines"
    if not judge.judged:
        yield "  open: no window that is to map RAM stands beside a map of RAM (/proc/iomem)"
    yield f"  checked: {', '.join(CHECKED)}"
    yield f"  not shown by such a trace: {NOT_SHOWN}"
    yield f"  {verdict(judge).name}"


def verdict(judge: Judge) -> Verdict:
    """Without a map of RAM beside a direct window, the two invariants about RAM are open."""
    if judge.broken:
        return Verdict.VIOLATED
    return Verdict.HOLDS if judge.judged and not judge.open else Verdict.INCONCLUSIVE
