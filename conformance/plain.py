# SPDX-License-Identifier: GPL-2.0-or-later
"""A second hypervisor, as plain as can be: it says the same as `Papr` at the cost of its TCEs instead of its ranges.

Its TCE hypercalls, tables and memory are written anew from LoPAR 14.5.4.2; its RTAS calls are `Papr`'s. It is the
naive peer that the range tables are refined from, and that benchmarks compare them with.
"""

from collections.abc import Sequence

from conformance.plain_tables import PlainMemory, PlainTable
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
    StuffTce,
    TceRun,
)
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.interfaces import Reach
from model.profiles import MultiTce, Ownership, Profile, ReservedBits, Unaligned
from model.types import BusAddress, Pe, PhysAddr, Span, Tce

REFUSED = HcallAnswer(HcallStatus.PARAMETER)
DONE = HcallAnswer(HcallStatus.SUCCESS, done=1)


class Plain(Papr):
    """A platform whose tables are dictionaries and whose loops are loops."""

    def __init__(self, profile: Profile, pes: Sequence[Pe], multi_tce: MultiTce = MultiTce.BOTH) -> None:
        """As for `Papr`."""
        super().__init__(profile, pes, multi_tce)
        self.memory: PlainMemory = PlainMemory()

    # Whatever makes windows makes them with plain tables

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """One RTAS call."""
        answer = super().rtas(call)
        self._make_plain()
        return answer

    def isolate(self, pe: Pe) -> None:
        """DR isolate."""
        super().isolate(pe)
        self._make_plain()

    def _make_plain(self) -> None:
        for pe in self.endpoints:
            for window in self.windows(pe):
                if not isinstance(window.table, PlainTable):
                    window.table = PlainTable()

    # Hypercalls

    def hcall(self, call: Hcall) -> HcallAnswer:
        """One hypercall, or the calls of a loop one after the other until one fails."""
        if isinstance(call, TceRun):
            done = 0
            for one in call.calls():
                answer = self.hcall(one)
                if answer.status is not HcallStatus.SUCCESS:
                    return HcallAnswer(answer.status, done=done)
                done += 1
            return HcallAnswer(HcallStatus.SUCCESS, done=done)
        if isinstance(call, GetRun):
            return self._read(call)
        if isinstance(call, StuffTce) and not self.multi_tce & MultiTce.STUFF:
            return HcallAnswer(HcallStatus.FUNCTION)
        if isinstance(call, PutTceIndirect) and not self.multi_tce & MultiTce.INDIRECT:
            return HcallAnswer(HcallStatus.FUNCTION)
        window = self.window(call.liobn)
        if window is None or not self._addresses(window, call.ioba):
            return REFUSED
        if isinstance(call, GetTce):
            return self._get(window, call)
        if isinstance(call, PutTce):
            return self._set(window, call.ioba, [call.tce])
        if call.count > 512:
            return HcallAnswer(HcallStatus.P4 if isinstance(call, StuffTce) else HcallStatus.PARAMETER)
        if isinstance(call, StuffTce):
            return self._set(window, call.ioba, [call.tce] * call.count, by_value=call.tce)
        return REFUSED if call.list_addr & 0xFFF else self._set(window, call.ioba, call.tces)

    def _get(self, window: Window, call: GetTce) -> HcallAnswer:
        tce = window.table[window.index_of(call.ioba)]
        if tce & 3 == 0 or self.memory.owns(tce >> 12 << 12, 4096):
            return HcallAnswer(HcallStatus.SUCCESS, tce)
        return HcallAnswer(HcallStatus.PARTIAL, Tce(tce | 0xFFFFFFFFFFFFF000))

    def _read(self, run: GetRun) -> HcallAnswer:
        found: list[Span[int]] = []
        for done in range(run.entries):
            answer = self.hcall(GetTce(run.liobn, BusAddress(run.ioba + done * run.stride)))
            if answer.status not in (HcallStatus.SUCCESS, HcallStatus.PARTIAL):
                return HcallAnswer(answer.status, done=done, found=tuple(found))
            if answer.tce and found and found[-1].stop == done:
                found[-1] = Span(found[-1].start, done + 1)
            elif answer.tce:
                found.append(Span(done, done + 1))
        return HcallAnswer(HcallStatus.SUCCESS, done=run.entries, found=tuple(found))

    def _set(self, window: Window, ioba: BusAddress, tces: Sequence[Tce], by_value: Tce | None = None) -> HcallAnswer:
        """Store neighbouring entries, all or none. by_value: H_STUFF_TCE's TCE, checked for a count of 0 too."""
        index = (ioba - window.base) >> window.page_shift
        if index + len(tces) > window.size >> window.page_shift:
            return REFUSED
        entries = [self._entry(window, tce) for tce in tces]
        if None in entries or (by_value is not None and self._entry(window, by_value) is None):
            return REFUSED
        for offset, entry in enumerate(entries):
            assert entry is not None
            window.table.fill(index + offset, entry, 0, 1)
        return DONE

    def _addresses(self, window: Window, ioba: BusAddress) -> bool:
        """Whether an IOBA names an entry of the window. A13."""
        strict = self.profile.choices.unaligned is Unaligned.REJECT
        inside = window.base <= ioba < window.base + window.size
        return inside and not (strict and (ioba - window.base) % (1 << window.page_shift))

    def _entry(self, window: Window, tce: Tce) -> Tce | None:
        """What a table holds after a TCE was accepted, None if it is refused. A13, A17."""
        choices = self.profile.choices
        if tce >> 2 & 0x3FF and choices.reserved_bits is ReservedBits.REJECT:
            return None
        if tce & 3 == 0:
            return tce
        page = 1 << window.page_shift
        address = tce >> 12 << 12
        if address % page and choices.unaligned is Unaligned.REJECT:
            return None
        address -= address % page
        whole = choices.ownership is Ownership.WHOLE_PAGE
        return Tce(address | tce & 3) if self.memory.owns(address, page if whole else 4096) else None

    # What the device reaches

    def release_memory(self, span: Span[PhysAddr]) -> bool:
        """Take a range back unless an entry reaches it."""
        for pe in self.endpoints:
            for window in self.windows(pe):
                page = 1 << window.page_shift
                for index in range(window.entries):
                    tce = window.table[index]
                    if tce & 3 and (tce >> 12 << 12) < span.stop and span.start < (tce >> 12 << 12) + page:
                        return False
        self.memory.release(span)
        return True

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        """Memory and control bits behind a bus address."""
        for window in self.windows(pe):
            if window.base <= address < window.base + window.size:
                tce = window.table[(address - window.base) >> window.page_shift]
                within = (address - window.base) % (1 << window.page_shift)
                return Reach(PhysAddr((tce >> 12 << 12) + within), tce & 3) if tce & 3 else None
        return None
