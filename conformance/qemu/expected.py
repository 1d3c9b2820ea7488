# SPDX-License-Identifier: GPL-2.0-or-later
# ruff: noqa: D102  the class says what its rule does
"""What is expected of QEMU: the reference with its own offer, and each known deviation as one replaced rule.

A deviation is a class over `Papr` that changes one thing, with the finding that it is (FINDINGS.md). Without any one of them
the comparison fails, which is how it is known to be needed.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from model.calls import GetTce, HcallAnswer, HcallStatus, PutTceIndirect, RtasAnswer, RtasCall, RtasStatus, StuffTce
from model.hypervisor.papr import Papr
from model.hypervisor.tce_calls import MAX_COUNT
from model.hypervisor.windows import Endpoint, Window
from model.interfaces import DdwProperties, Reach
from model.profiles import QEMU_PSERIES, Choices, DirtyRemoval, LiobnOf, Oversize, Profile, Unaligned
from model.types import BusAddress, Liobn, Pe, PhysAddr, Span, Tce

CHOICES = Choices(
    liobn=LiobnOf.RECYCLED, dirty_removal=DirtyRemoval.DROP, oversize=Oversize.HARDWARE, unaligned=Unaligned.TRUNCATE
)
"""How QEMU fills LoPAR's silences, where the model has a choice for it: A3, A6, A8, A13."""
REFUSED = HcallAnswer(HcallStatus.PARAMETER)
LOW_32 = 0xFFFFFFFF
MOST_TCES = 1 << 31
"""Entries of the largest table that QEMU makes; what is larger is cut to 32 bits. QEMU: spapr_tce_table_enable()."""


class Abort(Exception):
    """The real QEMU ends here. Q1."""


class OffersLess(Papr):
    """Q3. The 5-output query says 0x80000000 TCEs whatever the 6-output one says. QEMU: rtas_ibm_query_pe_dma_window()."""

    def block_in_one_cell(self, block: int) -> int:
        return MOST_TCES


class BridgeIsThePe(Papr):
    """Q4. Only the bridge's unit id is looked at, not the config address. QEMU: spapr_pci_find_phb()."""

    def endpoint_of(self, args: tuple[int, ...]) -> Endpoint | None:
        if len(args) < 3:
            return None
        buid = args[1] << 32 | args[2]
        return next((endpoint for pe, endpoint in self.endpoints.items() if pe.buid == buid), None)


class SamePlace(Papr):
    """Q2. A window lies at the default's place if there is no other, else at 2^59. QEMU: rtas_ibm_create_pe_dma_window()."""

    def place(self, endpoint: Endpoint, page_shift: int, window_shift: int) -> BusAddress | None:
        return self.profile.dma64 if endpoint.windows else endpoint.default.span.start


class DefaultLiobnAgain(Papr):
    """Q5. A created window may get the default's LIOBN, and is then taken for it. QEMU: spapr_phb_get_free_liobn()."""

    def new_liobn(self, endpoint: Endpoint) -> Liobn:
        default = endpoint.default.liobn
        return default if default not in endpoint.windows else Liobn(default + 1)


class ShiftsWrap(Papr):
    """Q1. Shift counts are taken modulo 64 and sizes modulo 2^32; a window of none is refused and spoils its LIOBN."""

    def reboot(self) -> None:
        super().reboot()
        self.spoilt = set[Liobn]()

    def create_pe_dma_window(self, call: RtasCall) -> RtasAnswer:
        endpoint = self.endpoint_of(call.args)
        if endpoint is None or len(call.args) != 5 or call.nret != 4:
            return super().create_pe_dma_window(call)
        page, window = call.args[3:]
        if page % 64 not in self.page_shifts() or window < page:
            return self.failed(RtasStatus.PARAMETER, call.nret)
        if self.windows_available(endpoint) == 0:
            return self.failed(RtasStatus.HARDWARE, call.nret)
        liobn = self.new_liobn(endpoint)
        if liobn in self.spoilt:
            raise Abort
        entries = (1 << (window - page) % 64) & LOW_32
        if entries == 0:
            self.spoilt.add(liobn)
            return self.failed(RtasStatus.HARDWARE, call.nret)
        cut = page % 64 + entries.bit_length() - 1
        return super().create_pe_dma_window(replace(call, args=(*call.args[:3], page % 64, cut)))

    def reset_pe_dma_windows(self, call: RtasCall) -> RtasAnswer:
        answer = super().reset_pe_dma_windows(call)
        endpoint = self.endpoint_of(call.args[:3])
        if answer.status is RtasStatus.SUCCESS and endpoint and endpoint.default.liobn in self.spoilt:
            raise Abort
        return answer

    def remove_pe_dma_window(self, call: RtasCall) -> RtasAnswer:
        owner = self.owner_of(Liobn(call.args[0])) if call.args else None
        had = bool(owner and owner.has_default)
        answer = super().remove_pe_dma_window(call)
        if owner and not had and owner.has_default and owner.default.liobn in self.spoilt:
            raise Abort
        return answer


class MemoryIsNotAsked(Papr):
    """Q6. A TCE may name any memory, and reading one back is never H_PARTIAL. QEMU: put_tce_emu(), get_tce_emu()."""

    def first_refused(self, window: Window, tce: Tce, step: int, count: int) -> int:
        return count

    def h_get_tce(self, call: GetTce) -> HcallAnswer:
        answer = super().h_get_tce(call)
        window = self.window(call.liobn)
        if answer.status is HcallStatus.PARTIAL and window:
            return HcallAnswer(HcallStatus.SUCCESS, window.table[window.index_of(call.ioba)])
        return answer


class TcesAreKept(Papr):
    """Q7. A table holds a TCE as it was given; what means nothing is cut when a device comes (A13, A17).

    QEMU: put_tce_emu(), spapr_tce_translate_iommu().
    """

    def stored(self, window: Window, tce: Tce) -> Tce:
        return tce

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        reach = super().translate(pe, address)
        window = next((window for window in self.windows(pe) if window.span.holds(address)), None)
        if reach is None or window is None:
            return reach
        page = 1 << window.page_shift
        offset = (address - window.base) % page
        return reach._replace(memory=PhysAddr((reach.memory - offset) // page * page + offset))


class WhatFitsIsWritten(Papr):
    """Q8. A call that goes beyond the window fails after it has written what lies inside. QEMU: h_stuff_tce()."""

    def h_stuff_tce(self, call: StuffTce) -> HcallAnswer:
        window = self.window(call.liobn)
        if window and self.entries_lie_in(window, call.ioba, 0):
            room = window.entries - window.index_of(call.ioba)
            if room < call.count <= MAX_COUNT:
                super().h_stuff_tce(replace(call, count=room))
        return super().h_stuff_tce(call)

    def h_put_tce_indirect(self, call: PutTceIndirect) -> HcallAnswer:
        window = self.window(call.liobn)
        if window and not call.list_addr % 4096 and self.entries_lie_in(window, call.ioba, 0):
            room = window.entries - window.index_of(call.ioba)
            if room < call.count <= MAX_COUNT:
                super().h_put_tce_indirect(replace(call, tces=call.tces[:room]))
        return super().h_put_tce_indirect(call)


class StuffIsAsLongAsTheWindow(Papr):
    """Q9. H_STUFF_TCE takes as many TCEs as the window has, and more is H_PARAMETER. QEMU: h_stuff_tce()."""

    def h_stuff_tce(self, call: StuffTce) -> HcallAnswer:
        window = self.window(call.liobn)
        if window is None or call.count > window.entries:
            return REFUSED
        if call.count <= MAX_COUNT:
            return super().h_stuff_tce(call)
        for done in range(0, call.count, MAX_COUNT):
            ioba = BusAddress(call.ioba + (done << window.page_shift))
            part = replace(call, ioba=ioba, count=min(MAX_COUNT, call.count - done))
            answer = super().h_stuff_tce(part)
            if answer.status is not HcallStatus.SUCCESS:
                return answer
        return HcallAnswer(HcallStatus.SUCCESS, done=1)


class NoneIsRefused(Papr):
    """Q10. A count of 0 is H_PARAMETER (A17). QEMU: the initial value of `ret`."""

    def h_stuff_tce(self, call: StuffTce) -> HcallAnswer:
        return super().h_stuff_tce(call) if call.count else REFUSED

    def h_put_tce_indirect(self, call: PutTceIndirect) -> HcallAnswer:
        return super().h_put_tce_indirect(call) if call.count else REFUSED


DEVIATIONS: tuple[type[Papr], ...] = (
    NoneIsRefused, StuffIsAsLongAsTheWindow, WhatFitsIsWritten, TcesAreKept, MemoryIsNotAsked, ShiftsWrap,
    DefaultLiobnAgain, SamePlace, BridgeIsThePe, OffersLess,
)  # fmt: skip
"""In the order in which QEMU comes to them."""


def profile_of(properties: DdwProperties, block: int, pages: int) -> Profile:
    """The profile `qemu-pseries` as the machine announces itself. block, pages: of its 6-output query."""
    assert properties.applicable is not None and properties.default is not None
    return replace(
        QEMU_PSERIES, block=block, pages=pages, query_outputs=6, extensions=properties.extensions,
        default=properties.default.span, tokens=properties.applicable, choices=CHOICES,
    )  # fmt: skip


def expected(
    profile: Profile, bridges: Sequence[DdwProperties], memory: Span[PhysAddr], without: Collection[type[Papr]] = ()
) -> Papr:
    """A platform that answers as QEMU is known to. without: deviations to leave out."""
    rules = tuple(rule for rule in DEVIATIONS if rule not in without)
    pes: list[Pe] = [properties.pe for properties in bridges]
    papr: Papr = type("Expected", (*rules, Papr), {})(profile, pes)
    for properties in bridges:
        assert properties.default is not None
        papr.endpoints[properties.pe].default = properties.default
    papr.reboot()
    papr.assign_memory(memory)
    return papr
