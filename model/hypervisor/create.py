# SPDX-License-Identifier: GPL-2.0-or-later
"""ibm,create-pe-dma-window. LoPAR 7.3.27.2, table 130."""

from typing import TYPE_CHECKING

from model.calls import RtasAnswer, RtasCall, RtasStatus
from model.hypervisor.placement import Taken
from model.hypervisor.windows import PAGE_SHIFTS, Window
from model.profiles import LiobnOf, Placement
from model.types import BusAddress, Liobn, PageShift, WindowShift
from model.words import plain, word

if TYPE_CHECKING:
    from model.hypervisor.papr import Papr
    from model.hypervisor.windows import Endpoint


def create_pe_dma_window(papr: "Papr", call: RtasCall) -> RtasAnswer:
    """A new window of 2^n bytes with the asked I/O page; none on any other status than 0 (R1-7.3.27.2-2)."""
    # PARAMETERS
    endpoint = papr.endpoint_of(call.args)
    page_shift, window_shift = (PageShift(call.args[3]), WindowShift(call.args[4])) if len(call.args) == 5 else (0, 0)

    # CHECKS
    if endpoint is None or len(call.args) != 5 or call.nret != 4:
        return papr.failed(RtasStatus.PARAMETER, call.nret)
    if page_shift not in papr.page_shifts():
        return papr.failed(RtasStatus.PARAMETER, call.nret)
    if not page_shift <= window_shift <= 63:
        return papr.failed(RtasStatus.PARAMETER, call.nret)
    fits = papr.fits_block(word(page_shift), word(window_shift), word(papr.profile.block))
    if papr.windows_available(endpoint) == 0 or not fits:
        return papr.failed(RtasStatus(papr.profile.choices.oversize.value), call.nret)
    base = papr.place(endpoint, page_shift, window_shift)
    if base is None:
        return papr.failed(RtasStatus(papr.profile.choices.oversize.value), call.nret)

    # EFFECT
    window = Window(papr.new_liobn(endpoint), base, PageShift(page_shift), WindowShift(window_shift), 1 << window_shift)
    endpoint.windows[window.liobn] = window

    # RETURN
    return RtasAnswer(RtasStatus.SUCCESS, (window.liobn, base >> 32, base & 0xFFFFFFFF))


def page_shifts(papr: "Papr") -> list[int]:
    """The I/O page shifts that query reports."""
    return [shift for bit, shift in enumerate(PAGE_SHIFTS) if papr.profile.pages >> bit & 1]


def place(papr: "Papr", endpoint: "Endpoint", page_shift: int, window_shift: int) -> BusAddress | None:
    """Where a window of that size may start: beyond the platform's lowest address, clear of every other window below
    the same PHB (R1-5.1-3); None where it does not fit into 64 bits. A6 names the two ways.
    """
    size = word(1) << window_shift
    step = size if papr.profile.choices.placement is Placement.ALIGNED else word(1) << page_shift
    lowest = papr.profile.limited if endpoint.limited else papr.profile.dma64
    others = [w.span for e in papr.endpoints.values() if e.pe.buid == endpoint.pe.buid for w in e.windows.values()]
    taken = [Taken(word(span.start), word(span.stop - 1)) for span in sorted(others)]
    base = papr.first_fit(word(lowest), size, step, taken)
    return None if base is None else BusAddress(plain(base))


def new_liobn(papr: "Papr", endpoint: "Endpoint") -> Liobn:
    """A LIOBN that no window has: never used before, or the lowest free one of the PE. A6."""
    if papr.profile.choices.liobn is LiobnOf.FRESH:
        papr.last_liobn = Liobn(plain(papr.liobn_after(word(papr.last_liobn), word(papr.profile.first_liobn))))
        return papr.last_liobn
    liobn = endpoint.default.liobn + 1
    while liobn in endpoint.windows:
        liobn += 1
    return Liobn(liobn)
