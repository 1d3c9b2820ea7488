# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges and windows are cleared by H_STUFF_TCE, whether or not firmware has it."""

from typing import TYPE_CHECKING

from model.calls import HcallStatus, StuffTce, TceRun
from model.defects import RELEASES, Defect
from model.guest import tces
from model.types import BusAddress, Liobn, PageShift, Span, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_stuff(kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, count: int) -> list[Span[int]]:
    """Linux: tce_clearrange_multi_pSeriesLP(), which also stops at the first refusal, and calls once even for no TCE."""
    if count == 0:
        answer = kernel.port.hcall(StuffTce(liobn, ioba, Tce(0), 0))
        return [] if answer.status is HcallStatus.SUCCESS else [Span(0, 0)]
    run = TceRun(StuffTce, liobn, ioba, Tce(0), 0, 1 << page_shift, count, tces.PER_CALL)
    answer = kernel.port.hcall(run)
    done = min(count, answer.done * run.per_call)
    return [] if answer.status is HcallStatus.SUCCESS else [Span(done, count)]


DEFECT = Defect(
    id="ranges-cleared-by-stuff-alone",
    breaks="window-empty-at-removal",
    replaces=tces.clear_range,
    by=by_stuff,
    releases=RELEASES,
    root_cause="Setting asks for FW_FEATURE_PUT_TCE_IND and has a loop without it; clearing asks for nothing. The loop "
    "stops at the first refusal.",
)
