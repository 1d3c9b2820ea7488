# SPDX-License-Identifier: GPL-2.0-or-later
"""A loop that clears TCEs ends at the first refusal; what lies behind it stays mapped."""

from typing import TYPE_CHECKING

from model.calls import HcallStatus, PutTce, StuffTce, TceRun
from model.defects import RELEASES, Defect
from model.guest import tces
from model.types import BusAddress, Liobn, PageShift, Span, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def until_refused(
    kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, count: int
) -> list[Span[int]]:
    """Linux: tce_freemulti_pSeriesLP() stops, and calls once even for none; tce_free_pSeriesLP() does neither."""
    page = 1 << page_shift
    if not kernel.has_stuff:
        return one_by_one(kernel, liobn, ioba, page, count)
    if count == 0:
        kernel.port.hcall(StuffTce(liobn, ioba, Tce(0), 0))
        return []
    run = TceRun(StuffTce, liobn, ioba, Tce(0), 0, page, count, kernel.stuff_limit(count))
    answer = kernel.port.hcall(run)
    done = min(count, answer.done * run.per_call)
    return [] if answer.status is HcallStatus.SUCCESS else [Span(done, count)]


def one_by_one(kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page: int, count: int) -> list[Span[int]]:
    """Each TCE by a call of its own, refused or not."""
    refused: list[Span[int]] = []
    done = 0
    while done < count:
        run = TceRun(PutTce, liobn, BusAddress(ioba + done * page), Tce(0), 0, page, count - done, 1)
        answer = kernel.port.hcall(run)
        done += answer.done
        if answer.status is not HcallStatus.SUCCESS:
            refused.append(Span(done, done + 1))
            done += 1
    return refused


DEFECT = Defect(
    id="clearing-stops-when-refused",
    breaks="unmap-releases",
    replaces=tces.clear_entries,
    by=until_refused,
    releases=RELEASES,
    root_cause="The loop's condition is that the last call succeeded, so that one busy answer leaves all TCEs behind it "
    "valid.",
)
