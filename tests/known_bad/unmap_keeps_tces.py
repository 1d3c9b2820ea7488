# SPDX-License-Identifier: GPL-2.0-or-later
"""Unmap frees the entries and leaves their TCEs valid."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import mapping
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def free_alone(kernel: "Kernel", table: Table, first: int, count: int, programmed: int) -> None:
    """Free without clearing."""
    table.taken.free(first, count)


DEFECT = Defect(
    id="unmap-keeps-tces",
    breaks="unmap-releases",
    replaces=mapping.release_entries,
    by=free_alone,
    root_cause="A missing it_ops->clear().",
)
