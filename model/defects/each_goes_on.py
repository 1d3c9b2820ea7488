# SPDX-License-Identifier: GPL-2.0-or-later
"""Without lists, setting TCEs one by one goes on after an error."""

from typing import TYPE_CHECKING

from model.calls import HcallStatus, PutTce, TceRun
from model.defects import RELEASES, Defect
from model.guest import tces
from model.types import BusAddress, Liobn, PageShift, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def past_errors(
    kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, first: Tce, count: int
) -> tuple[HcallStatus, int]:
    """Linux: tce_build_pSeriesLP(), which ends at H_NOT_ENOUGH_RESOURCES only, and then clears what it set."""
    page, done = 1 << page_shift, 0
    worst = HcallStatus.SUCCESS
    while done < count:
        at, tce = BusAddress(ioba + done * page), Tce(first + done * page)
        answer = kernel.port.hcall(TceRun(PutTce, liobn, at, tce, page, page, count - done, 1))
        done += answer.done
        if answer.status is HcallStatus.NOT_ENOUGH_RESOURCES:
            clear(kernel, liobn, ioba, page, done)
            return answer.status, done
        if answer.status is not HcallStatus.SUCCESS:
            worst = answer.status
            done += 1
    return worst, done


def clear(kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page: int, count: int) -> None:
    """Linux: tce_free_pSeriesLP()."""
    done = 0
    while done < count:
        at = BusAddress(ioba + done * page)
        answer = kernel.port.hcall(TceRun(PutTce, liobn, at, Tce(0), 0, page, count - done, 1))
        done += answer.done + (answer.status is not HcallStatus.SUCCESS)


DEFECT = Defect(
    id="each-goes-on",
    breaks=None,
    replaces=tces.put_each,
    by=past_errors,
    releases=RELEASES,
    root_cause="The loop prints any status but H_NOT_ENOUGH_RESOURCES and takes the next TCE: a mapping with "
    "holes, if set-ignores-errors lets it pass.",
)
