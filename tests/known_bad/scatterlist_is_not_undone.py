# SPDX-License-Identifier: GPL-2.0-or-later
"""A scatterlist that fails in the middle keeps what its first elements got."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import scatterlist
from model.guest.scatterlist import Segments
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def nothing(kernel: "Kernel", table: Table, segments: Segments) -> None:
    """Leave them."""


DEFECT = Defect(
    id="scatterlist-is-not-undone",
    breaks="map-fails-clean",
    replaces=scatterlist.undo_segments,
    by=nothing,
    root_cause="ppc_iommu_map_sg() that returns -EIO without walking the list.",
)
