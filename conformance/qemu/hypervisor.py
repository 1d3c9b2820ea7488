# SPDX-License-Identifier: GPL-2.0-or-later
"""A real QEMU behind the `Hypervisor` interface: the model's guest makes its calls there, and is judged by what is there."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.qemu.calls import answer_all, loop
from conformance.qemu.expected import profile_of
from conformance.qemu.machine import Machine, Stopped
from conformance.qemu.mailbox import READ_BACK, READ_TCES, Mailbox, Record
from conformance.qemu.tree import Tree
from model.calls import GetRun, GetTce, Hcall, HcallAnswer, HcallStatus, RtasAnswer, RtasCall, RtasStatus, TceRun
from model.hypervisor.tce_calls import read_one_by_one
from model.interfaces import DdwProperties, Reach, TceSpan
from model.profiles import Profile
from model.types import CONTROL, BusAddress, Liobn, PageShift, Pe, PhysAddr, Span, Tce, WindowShift


@dataclass(slots=True)
class QemuWindow:
    """A window as its create was answered. touched: entries that may not be 0, as ranges; the others were read as 0."""

    mailbox: Mailbox
    liobn: Liobn
    base: BusAddress
    page_shift: PageShift
    window_shift: WindowShift
    touched: list[Span[int]] = field(default_factory=list)
    found: list[TceSpan] | None = None
    """What was read since the last call."""

    @property
    def span(self) -> Span[BusAddress]:
        """Its bus addresses."""
        return Span(self.base, BusAddress(self.base + (1 << self.window_shift)))

    @property
    def table(self) -> "QemuWindow":
        """What the device reaches through it."""
        return self

    @property
    def entries(self) -> int:
        """TCEs of it."""
        return 1 << self.window_shift - self.page_shift

    def touch(self, ioba: int, count: int) -> None:
        """A call names these entries."""
        start = max(0, (ioba - self.base) >> self.page_shift)
        stop = min(self.entries, start + count)
        if start < stop:
            self.touched.append(Span(start, stop))

    def exists(self) -> bool:
        """Whether H_GET_TCE finds it."""
        return answer_all(self.mailbox, [GetTce(self.liobn, self.base)])[0].status is HcallStatus.SUCCESS

    def spans(self, start: int, stop: int) -> Iterator[TceSpan]:
        """The entries that are not zero, in order, cut to [start, stop): by H_GET_TCE."""
        if self.found is None:
            self.found = [run for at in _union(self.touched) for run in self._read(at)]
            self.touched = [Span(run.start, run.stop) for run in self.found]
        for run in self.found:
            first, last = max(run.start, start), min(run.stop, stop)
            if first < last:
                yield TceSpan(first, last, Tce(run.tce + (first - run.start) * run.step), run.step)

    def valid(self) -> bool:
        """Whether any entry grants access."""
        return any(run.tce & CONTROL for run in self.spans(0, self.entries))

    def _read(self, at: Span[int]) -> Iterator[TceSpan]:
        """The entries of a range that are not 0, as runs."""
        page = 1 << self.page_shift
        bus = self.base + (at.start << self.page_shift)
        record = Record(READ_TCES, self.liobn, bus, at.size, page, 0, READ_BACK)
        ((status, left),) = self.mailbox.run([record])
        if status or left:
            raise Stopped(f"H_GET_TCE ends with {status:#x}, {left} entries before the end of {at}")
        tces = memoryview(self.mailbox.read(READ_BACK, 8 * at.size))
        run: TceSpan | None = None
        for number in range(at.size):
            tce = int.from_bytes(tces[8 * number : 8 * number + 8], "big")
            if run is not None and tce and tce == run.tce + (number + at.start - run.start) * page:
                run = run._replace(stop=run.stop + 1)
                continue
            if run is not None:
                yield run
            run = TceSpan(at.start + number, at.start + number + 1, Tce(tce), page) if tce else None
        if run is not None:
            yield run


def _union(spans: Sequence[Span[int]]) -> list[Span[int]]:
    """In order, joined where they meet."""
    found: list[Span[int]] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].stop:
            found[-1] = Span(found[-1].start, max(found[-1].stop, span.stop))
        else:
            found.append(span)
    return found


class QemuHypervisor:
    """A platform. Context manager. pes: each is one of QEMU's bridges, whatever its address is.

    What QEMU has no notion of is restated here, and only that: whose memory it is (Q6). A slot is not isolated but reset,
    since DR isolate has ended in an abort.
    """

    def __init__(self, cache: Path, pes: Sequence[Pe]) -> None:
        self._bridges = {pe: index for index, pe in enumerate(pes, 1)}
        self._machine = Machine(cache, bridges=tuple(self._bridges.values()))
        self._mailbox = Mailbox(self._machine)
        self._events = self._machine.monitor.makefile("rb")
        self._monitor("qmp_capabilities")
        self._memory: list[Span[PhysAddr]] = []
        self._windows: dict[Pe, dict[Liobn, QemuWindow]] = {}
        self._start()

    def __enter__(self) -> "QemuHypervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._machine.close()

    def _start(self) -> None:
        tree = Tree(self._mailbox.tree)
        self._properties = {pe: tree.bridge(index).properties for pe, index in self._bridges.items()}
        self._windows = {pe: self._at_boot(pe) for pe in self._bridges}

    def _at_boot(self, pe: Pe) -> dict[Liobn, QemuWindow]:
        default = self._properties[pe].default
        assert default is not None, "QEMU's bridges have one"
        shift = WindowShift(default.span.size.bit_length() - 1)
        window = QemuWindow(self._mailbox, default.liobn, default.span.start, PageShift(12), shift)
        window.touched = [Span(0, window.entries)]
        return {default.liobn: window}

    def profile(self) -> Profile:
        """The platform that this machine says it is."""
        properties = next(iter(self._properties.values()))
        assert properties.applicable is not None
        query = answer_all(self._mailbox, [RtasCall(properties.applicable[0], properties.pe.cells, 6)])[0]
        assert isinstance(query, RtasAnswer)
        _, high, low, pages, _ = query.outputs
        return profile_of(properties, high << 32 | low, pages)

    def properties(self, pe: Pe) -> DdwProperties:
        """What the machine's tree says of the bridge, under the address that the guest knows."""
        return self._properties[pe]._replace(pe=pe)

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """One RTAS call, on the bridge that the PE stands for."""
        pe = next((pe for pe in self._bridges if pe.cells == call.args[:3]), None)
        there = call if pe is None else replace(call, args=(*self._properties[pe].pe.cells, *call.args[3:]))
        answer = answer_all(self._mailbox, [there])[0]
        assert isinstance(answer, RtasAnswer)
        if answer.status is RtasStatus.SUCCESS:
            self._note(pe, call, answer)
        return answer

    def _note(self, pe: Pe | None, call: RtasCall, answer: RtasAnswer) -> None:
        """Windows that came; those that went are found out by asking."""
        properties = next(iter(self._properties.values()))
        assert properties.applicable is not None
        if pe is not None and call.token == properties.applicable[1]:
            liobn, high, low = answer.outputs
            page, size = PageShift(call.args[3]), WindowShift(call.args[4])
            window = QemuWindow(self._mailbox, Liobn(liobn), BusAddress(high << 32 | low), page, size)
            window.touched = [Span(0, min(window.entries, MOST_AT_ONCE))]
            self._windows[pe][window.liobn] = window
        elif pe is not None and call.token == properties.extensions[1]:
            self._windows[pe] = self._at_boot(pe)

    def hcall(self, call: Hcall) -> HcallAnswer:
        """One hypercall, or a loop of them."""
        if isinstance(call, GetRun):
            return read_one_by_one(self, call)
        if not isinstance(call, GetTce):
            for window in (windows[call.liobn] for windows in self._windows.values() if call.liobn in windows):
                window.found = None
                window.touch(call.ioba, call.entries if isinstance(call, TceRun) else getattr(call, "count", 1))
        answer = loop(self._mailbox, call) if isinstance(call, TceRun) else answer_all(self._mailbox, [call])[0]
        assert isinstance(answer, HcallAnswer)
        return answer

    def assign_memory(self, span: Span[PhysAddr]) -> None:
        """QEMU does not ask."""
        self._memory.append(span)

    def release_memory(self, span: Span[PhysAddr]) -> bool:
        """False while a TCE reaches it, by the tables that are read back."""
        if span not in self._memory or any(
            self._reaches(window, span) for pe in self._bridges for window in self.windows(pe)
        ):
            return False
        self._memory.remove(span)
        return True

    def _reaches(self, window: QemuWindow, memory: Span[PhysAddr]) -> bool:
        page = 1 << window.page_shift
        for run in window.spans(0, window.entries):
            start = run.tce & ~0xFFF
            if run.tce & CONTROL and start < memory.stop and start + (run.stop - run.start) * page > memory.start:
                return True
        return False

    def isolate(self, pe: Pe) -> None:
        """The PE's windows as at boot."""
        self.eeh_reset(pe)
        self.rtas(RtasCall(self._properties[pe].extensions[1], pe.cells, 1))

    def eeh_reset(self, pe: Pe) -> None:
        """QEMU's own devices have no EEH: windows and TCEs stay (A14)."""

    def reboot(self) -> None:
        """The machine starts anew."""
        self._mailbox.forget_guest()
        self._monitor("system_reset")
        self._mailbox.wait_for_guest()
        self._start()

    def windows(self, pe: Pe) -> list[QemuWindow]:
        """Those that H_GET_TCE finds."""
        return [window for window in self._windows[pe].values() if window.exists()]

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        """By the TCE that is read back."""
        for window in self.windows(pe):
            if window.span.holds(address):
                offset = (address - window.base) % (1 << window.page_shift)
                answer = answer_all(self._mailbox, [GetTce(window.liobn, BusAddress(address - offset))])[0]
                assert isinstance(answer, HcallAnswer)
                tce = answer.tce
                return Reach(PhysAddr((tce & ~0xFFF) + offset), tce & CONTROL) if tce & CONTROL else None
        return None

    def _monitor(self, command: str) -> None:
        """One command of QEMU's monitor; Stopped unless it is carried out."""
        self._machine.monitor.sendall(json.dumps({"execute": command}).encode())
        for line in self._events:
            reply = json.loads(line)
            if "return" in reply:
                return
            if "error" in reply:
                raise Stopped(f"QEMU refuses {command}: {reply['error']['desc']}")
        raise Stopped(f"QEMU is gone: {self._machine.process.said()}")


MOST_AT_ONCE = 1 << 21
"""Entries of a new window that are read."""
