# SPDX-License-Identifier: GPL-2.0-or-later
"""Ending a mapping of user space clears the first of its TCEs."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.table import Table
from model.types import Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def first_alone(kernel: "Kernel", table: Table, first: int, count: int) -> None:
    """Clear one TCE, free all entries."""
    kernel.exchange(table, first, min(count, 1), Tce(0), 0)
    table.taken.free(first, count)


DEFECT = Defect(
    id="user-unmap-clears-one",
    breaks="unmap-releases",
    replaces=vfio.clear_user,
    by=first_alone,
    root_cause="A loop over pages that ends after the first: the device keeps access to memory that is no longer pinned.",
)
