# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference hypervisor: LoPAR's calls over the windows of all PEs."""

from collections.abc import Sequence

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
    TceWrite,
)
from model.hypervisor import create, dma, placement, query, remove, reset, tce_calls
from model.hypervisor.memory import Memory
from model.hypervisor.placement import LIOBNS_PER_PE
from model.hypervisor.windows import Endpoint, Window
from model.interfaces import DdwProperties, DefaultWindow
from model.profiles import MultiTce, Profile
from model.types import ADDRESS, CONTROL, Liobn, Pe, PhysAddr, Span


class Papr:
    """A platform of one profile with its PEs. Each attribute that is a function is one rule, replaceable by a defect.

    pes: the PEs, each with its default window. multi_tce: what the partition has of `hcall-multi-tce`.
    """

    # 7.3.27: the four RTAS calls and what they rest on
    query_pe_dma_window = query.query_pe_dma_window
    query_outputs = query.query_outputs
    block_in_one_cell = query.block_in_one_cell
    windows_available = query.windows_available
    create_pe_dma_window = create.create_pe_dma_window
    page_shifts = create.page_shifts
    fits_block = staticmethod(placement.fits_block)
    place = create.place
    first_fit = staticmethod(placement.first_fit)
    new_liobn = create.new_liobn
    liobn_after = staticmethod(placement.liobn_after)
    remove_pe_dma_window = remove.remove_pe_dma_window
    refuses_removal = remove.refuses_removal
    default_comes_back = remove.default_comes_back
    reset_pe_dma_windows = reset.reset_pe_dma_windows
    offers_limited_addressing = reset.offers_limited_addressing
    # 14.5.4.2: the TCE hypercalls
    h_get_tce = tce_calls.h_get_tce
    get_run = tce_calls.get_run
    h_put_tce = tce_calls.h_put_tce
    h_stuff_tce = tce_calls.h_stuff_tce
    h_put_tce_indirect = tce_calls.h_put_tce_indirect
    tce_run = tce_calls.tce_run
    takes_whole = tce_calls.takes_whole
    entries_lie_in = tce_calls.entries_lie_in
    first_refused = tce_calls.first_refused
    stored = tce_calls.stored
    # 3.2.2.2: translation
    translate = dma.translate

    def __init__(self, profile: Profile, pes: Sequence[Pe], multi_tce: MultiTce = MultiTce.BOTH) -> None:
        self.profile = profile
        self.multi_tce = multi_tce
        self.memory = Memory()
        self.endpoints: dict[Pe, Endpoint] = {}
        for number, pe in enumerate(pes):
            default = DefaultWindow(Liobn(profile.first_liobn + LIOBNS_PER_PE * number), profile.default)
            self.endpoints[pe] = Endpoint(pe, default)
        self.last_liobn = Liobn(profile.first_liobn + 0x1000)
        self.reboot()

    # Calls

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """Dispatch by token; an unknown token is a parameter error, and so is any without DDW. LoPAR 7.2.8, R1-7.3.27-3."""
        tokens = self.profile.tokens
        extensions = self.profile.extensions
        if not self.profile.applicable:
            return self.failed(RtasStatus.PARAMETER, call.nret)
        if call.token == tokens[0]:
            return self.query_pe_dma_window(call)
        if call.token == tokens[1]:
            return self.create_pe_dma_window(call)
        if call.token == tokens[2]:
            return self.remove_pe_dma_window(call)
        if len(extensions) > reset.RESET_INDEX and call.token == extensions[reset.RESET_INDEX]:
            return self.reset_pe_dma_windows(call)
        return self.failed(RtasStatus.PARAMETER, call.nret)

    def hcall(self, call: Hcall) -> HcallAnswer:
        """Dispatch by kind; the two multi-TCE calls are H_FUNCTION where the platform lacks them."""
        if isinstance(call, TceRun):
            if len(call) and not self.has(call.kind):
                return HcallAnswer(HcallStatus.FUNCTION)
            return self.tce_run(call)
        if isinstance(call, GetTce):
            return self.h_get_tce(call)
        if isinstance(call, GetRun):
            return self.get_run(call)
        if isinstance(call, PutTce):
            return self.h_put_tce(call)
        if not self.has(type(call)):
            return HcallAnswer(HcallStatus.FUNCTION)
        if isinstance(call, StuffTce):
            return self.h_stuff_tce(call)
        return self.h_put_tce_indirect(call)

    def has(self, kind: type[TceWrite]) -> bool:
        """Whether the platform has a hypercall. LoPAR R1-14.5.3-1."""
        needs = {PutTceIndirect: MultiTce.INDIRECT, StuffTce: MultiTce.STUFF}.get(kind, MultiTce.NONE)
        return needs in self.multi_tce

    def failed(self, status: RtasStatus, nret: int) -> RtasAnswer:
        """An answer whose other outputs mean nothing. A4."""
        return RtasAnswer(status, (self.profile.choices.failed_outputs.value,) * max(0, nret - 1))

    # Platform events

    def assign_memory(self, span: Span[PhysAddr]) -> None:
        """The partition owns a further range."""
        self.memory.assign(span)

    def release_memory(self, span: Span[PhysAddr]) -> bool:
        """Take a range back unless a TCE reaches it: status -9001, R1-13.7.4.1.2-2."""
        if any(self._reaches(window, span) for e in self.endpoints.values() for window in e.windows.values()):
            return False
        self.memory.release(span)
        return True

    def isolate(self, pe: Pe) -> None:
        """DR isolate: created windows go, the default comes back. R1-7.3.27-5, -6."""
        self.endpoints[pe].restore()
        self.endpoints[pe].limited = False

    def eeh_reset(self, pe: Pe) -> None:
        """Reset of a slot: nothing of it changes a window or a TCE. A14; not among the triggers of R1-7.3.27-5."""

    def reboot(self) -> None:
        """Partition reboot: every PE as at boot. R1-7.3.27-5, -6."""
        for pe in self.endpoints:
            self.isolate(pe)

    # What is there

    def properties(self, pe: Pe) -> DdwProperties:
        """The properties above a PE. LoPAR B.5.5.1.1."""
        profile = self.profile
        tokens = profile.tokens if profile.applicable else None
        return DdwProperties(pe, self.endpoints[pe].default, tokens, profile.extensions, profile.mmio32)

    def windows(self, pe: Pe) -> Sequence[Window]:
        """The windows of a PE."""
        return list(self.endpoints[pe].windows.values())

    def endpoint_of(self, args: tuple[int, ...]) -> Endpoint | None:
        """The PE that the first three cells name."""
        if len(args) < 3:
            return None
        return self.endpoints.get(Pe(args[0], args[1] << 32 | args[2]))

    def owner_of(self, liobn: Liobn) -> Endpoint | None:
        """The PE that a window belongs to."""
        for endpoint in self.endpoints.values():
            if liobn in endpoint.windows:
                return endpoint
        return None

    def window(self, liobn: Liobn) -> Window | None:
        """The window of that LIOBN."""
        endpoint = self.owner_of(liobn)
        return endpoint.windows[liobn] if endpoint else None

    def _reaches(self, window: Window, span: Span[PhysAddr]) -> bool:
        page = 1 << window.page_shift
        for run in window.table.spans(0, window.entries):
            start = run.tce & ADDRESS
            stop = start + (page if run.step == 0 else (run.stop - run.start) * page)
            if run.tce & CONTROL and start < span.stop and span.start < stop:
                return True
        return False
