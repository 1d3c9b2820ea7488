# SPDX-License-Identifier: GPL-2.0-or-later
"""Programming TCEs by hypercalls. Linux: tce_buildmulti_pSeriesLP(), tce_freemulti_pSeriesLP() and their kin."""

from typing import TYPE_CHECKING

from model.calls import HcallStatus, PutTce, PutTceIndirect, StuffTce, TceRun
from model.types import READ, WRITE, BusAddress, Direction, Liobn, PageShift, Span, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

PER_CALL = 512
"""TCEs that one multi-TCE call takes."""
MOST_REFUSALS = 8
"""Calls of one clearing that may be refused before the guest gives the rest up."""


def control_of(direction: Direction) -> int:
    """TCE control bits for a mapping: reading is always granted. Linux: tce_build_pSeriesLP()."""
    return READ if direction is Direction.TO_DEVICE else READ | WRITE


def stuff_limit(entries: int) -> int:
    """How many of `entries` TCEs one H_STUFF_TCE takes. LoPAR 14.5.4.2; Linux: tce_freemulti_pSeriesLP()."""
    return min(entries, PER_CALL)


def set_complete(status: HcallStatus) -> bool:
    """Whether a mapping's TCEs are all set, by the status of the loop that set them. Linux: tce_buildmulti_pSeriesLP()."""
    return status is HcallStatus.SUCCESS


def set_entries(
    kernel: "Kernel",
    liobn: Liobn,
    ioba: BusAddress,
    page_shift: PageShift,
    memory: int,
    count: int,
    control: int,
    cpu: int,
) -> tuple[HcallStatus, int]:
    """Point `count` TCEs from IOBA on at memory; the status of the loop, and how many of the first ones are set.

    memory: address of the first I/O page. A list of TCEs needs a page per CPU, allocated once and kept.
    """
    # PARAMETERS
    first = Tce(memory | control)

    # EFFECT, RETURN
    if kernel.has_lists and count > 1 and kernel.has_tce_page(cpu):
        return kernel.put_lists(liobn, ioba, page_shift, first, count)
    return kernel.put_each(liobn, ioba, page_shift, first, count)


def put_lists(
    kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, first: Tce, count: int
) -> tuple[HcallStatus, int]:
    """Set TCEs by lists of up to 512, until a call is refused. Linux: tce_buildmulti_pSeriesLP()."""
    page = 1 << page_shift
    answer = kernel.port.hcall(TceRun(PutTceIndirect, liobn, ioba, first, page, page, count, PER_CALL))
    return answer.status, min(count, answer.done * PER_CALL)


def put_each(
    kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, first: Tce, count: int
) -> tuple[HcallStatus, int]:
    """Set TCEs one by one, until a call is refused. Linux: tce_build_pSeriesLP()."""
    page = 1 << page_shift
    answer = kernel.port.hcall(TceRun(PutTce, liobn, ioba, first, page, page, count, 1))
    return answer.status, answer.done


def clear_entries(
    kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, count: int
) -> list[Span[int]]:
    """Make `count` TCEs from IOBA on invalid; what the hypervisor refused, as entries counted from IOBA.

    A refused call is passed over: the TCEs behind it are cleared all the same.
    """
    # PARAMETERS
    page = 1 << page_shift
    kind, per_call = (StuffTce, kernel.stuff_limit(count)) if kernel.has_stuff else (PutTce, 1)
    refused: list[Span[int]] = []
    done = 0

    # EFFECT
    while done < count:
        run = TceRun(kind, liobn, BusAddress(ioba + done * page), Tce(0), 0, page, count - done, per_call)
        answer = kernel.port.hcall(run)
        done = min(count, done + answer.done * per_call)
        if answer.status is HcallStatus.SUCCESS:
            break
        stop = count if len(refused) == MOST_REFUSALS else min(count, done + per_call)
        refused.append(Span(done, stop))
        done = stop

    # RETURN
    return refused


def clear_range(kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, count: int) -> list[Span[int]]:
    """The same for pre-mapped RAM and for windows on their way out. Linux: tce_clearrange_multi_pSeriesLP()."""
    return kernel.clear_entries(liobn, ioba, page_shift, count)


def has_tce_page(kernel: "Kernel", cpu: int) -> bool:
    """Whether this CPU has its page for TCE lists, allocating it on first use. Linux: tce_page."""
    if cpu not in kernel.tce_pages and kernel.port.allocate("tce-page"):
        kernel.tce_pages.add(cpu)
    return cpu in kernel.tce_pages
