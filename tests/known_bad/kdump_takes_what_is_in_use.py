# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that dumps another one looks at none of the TCEs that are there."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import kexec
from model.guest.table import Table
from model.types import Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def none_in_use(kernel: "Kernel", table: Table) -> list[Span[int]]:
    """All entries are free."""
    return []


DEFECT = Defect(
    id="kdump-takes-what-is-in-use",
    breaks="kexec-keeps-running",
    replaces=kexec.entries_left,
    by=none_in_use,
    root_cause="Without iommu_table_ops::get nothing is reserved.",
)
