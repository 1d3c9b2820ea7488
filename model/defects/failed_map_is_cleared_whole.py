# SPDX-License-Identifier: GPL-2.0-or-later
"""A mapping that failed is cleared to its end, not only as far as it was set."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def all_of_it(kernel: "Kernel", table: Table, first: int, count: int, done: int) -> None:
    """Linux: iommu_alloc() calls __iommu_free() for all pages."""
    kernel.release_entries(table, first, count, count)


DEFECT = Defect(
    id="failed-map-is-cleared-whole",
    breaks=None,
    replaces=mapping.give_back,
    by=all_of_it,
    releases=RELEASES,
    root_cause="What was not set is invalid already.",
)
