# SPDX-License-Identifier: GPL-2.0-or-later
"""Elements of a scatterlist become one segment across the device's segment boundary."""

from model.defects import Defect
from model.guest import scatterlist
from model.types import BusAddress, Span


def not_looked_at(both: Span[BusAddress], boundary: int) -> bool:
    """Linux: ppc_iommu_map_sg() compares addresses and lengths only."""
    return True


DEFECT = Defect(
    id="merge-ignores-boundary",
    breaks="handle-in-mask",
    replaces=scatterlist.merge_keeps_boundary,
    by=not_looked_at,
    releases=("6.1", "6.12"),
    root_cause="iommu_area_alloc() keeps each element within the boundary, and nothing looks at where two of them meet; "
    "the first may end there.",
)
