# SPDX-License-Identifier: GPL-2.0-or-later
"""A window of user space is removed while it maps memory. Fixed by 4ba2fdff2eb1 (6.11)."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def later(kernel: "Kernel", table: Table) -> None:
    """Linux before 6.11: tce_iommu_release_ownership() clears only what unset_window() has left."""


DEFECT = Defect(
    id="unset-before-clearing",
    breaks="window-empty-at-removal",
    replaces=vfio.clear_user_table,
    by=later,
    commits="fixed by 4ba2fdff2eb1",
    root_cause="The platform is told to drop the window before the driver has cleared what the process had mapped in it.",
)
