# SPDX-License-Identifier: GPL-2.0-or-later
"""A table without memory for what user space maps is handed out all the same."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.bitmap import EntryMap
from model.interfaces import Crash
from model.invariants.registry import GUEST_CRASH

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


class Missing(EntryMap):
    """No memory: struct iommu_table::it_userspace is NULL."""

    def take(self, start: int, count: int) -> None:
        """Note what user space maps."""
        raise Crash("NULL dereference of it_userspace in tce_iommu_build_v2() at ownership.c:0")


def whatever_comes(kernel: "Kernel") -> EntryMap:
    """Linux: spapr_tce_create_table() does not look at what pseries_tce_iommu_userspace_view_alloc() returns."""
    return EntryMap() if kernel.port.allocate("userspace-view") else Missing()


DEFECT = Defect(
    id="view-is-not-looked-at",
    breaks=GUEST_CRASH,
    replaces=vfio.user_view,
    by=whatever_comes,
    releases=("6.12", "7.2", "7.3"),
    root_cause="The error is dropped, and the driver above writes through the pointer that tce_useraddr_pSeriesLP() returns. "
    "From reading.",
)
