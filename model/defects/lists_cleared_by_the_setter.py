# SPDX-License-Identifier: GPL-2.0-or-later
"""After H_NOT_ENOUGH_RESOURCES the TCEs are cleared twice, the first time with a count that may be 0."""

from typing import TYPE_CHECKING

from model.calls import HcallStatus, StuffTce
from model.defects import RELEASES, Defect
from model.guest import tces
from model.types import BusAddress, Liobn, PageShift, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def with_clean_up(
    kernel: "Kernel", liobn: Liobn, ioba: BusAddress, page_shift: PageShift, first: Tce, count: int
) -> tuple[HcallStatus, int]:
    """Linux: tce_buildmulti_pSeriesLP(), then __iommu_free() by iommu_alloc()."""
    status, done = tces.put_lists(kernel, liobn, ioba, page_shift, first, count)
    if status is HcallStatus.NOT_ENOUGH_RESOURCES and done == 0 and kernel.has_stuff:
        kernel.port.hcall(StuffTce(liobn, ioba, Tce(0), 0))
    elif status is HcallStatus.NOT_ENOUGH_RESOURCES:
        kernel.clear_entries(liobn, ioba, page_shift, done)
    return status, done


DEFECT = Defect(
    id="lists-cleared-by-the-setter",
    breaks="calls-well-formed",
    replaces=tces.put_lists,
    by=with_clean_up,
    releases=RELEASES,
    root_cause="tce_freemulti_pSeriesLP() is a do-while loop: for no TCE it makes one call with a count of 0, of which "
    "LoPAR says nothing.",
)
