# SPDX-License-Identifier: GPL-2.0-or-later
"""What user space maps or unmaps is read, entry by entry, before it is written."""

from typing import TYPE_CHECKING

from model.calls import GetTce, HcallStatus, PutTce
from model.defects import Defect
from model.guest import vfio
from model.guest.table import Table
from model.locks import pool_lock
from model.types import CONTROL, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def one_by_one(kernel: "Kernel", table: Table, first: int, count: int, tce: Tce, step: int) -> tuple[HcallStatus, int]:
    """Linux: tce_exchange_pseries()."""
    for number in range(count):
        at = table.address(first + number)
        with kernel.port.locked(pool_lock(table.liobn)):
            status = kernel.port.hcall(GetTce(table.liobn, at)).status
            if status is HcallStatus.SUCCESS:
                status = kernel.port.hcall(PutTce(table.liobn, at, Tce(tce + number * step))).status
        if status is not HcallStatus.SUCCESS:
            return status, number
        if tce & CONTROL:
            table.taken.take(first + number, 1)
    return HcallStatus.SUCCESS, count


DEFECT = Defect(
    id="read-before-each-write",
    breaks=None,
    replaces=vfio.exchange,
    by=one_by_one,
    releases=("6.12", "7.2", "7.3"),
    root_cause="iommu_tce_xchg_no_kill() tells its caller what was there; it costs one more hypercall for each page.",
)
