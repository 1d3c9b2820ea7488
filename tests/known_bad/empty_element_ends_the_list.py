# SPDX-License-Identifier: GPL-2.0-or-later
"""What follows an empty element of a scatterlist is not mapped."""

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import scatterlist
from model.guest.table import Table
from model.guest.windows import Device
from model.types import Direction, PhysAddr, SegmentLimits, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def up_to_the_first(
    kernel: "Kernel",
    dev: Device,
    table: Table,
    memory: Sequence[Span[PhysAddr]],
    direction: Direction,
    limits: SegmentLimits,
    cpu: int,
) -> scatterlist.Segments | None:
    """Map the elements before the first empty one."""
    full = list(takewhile(lambda element: element.size, memory))
    return scatterlist.map_sg_through(kernel, dev, table, full, direction, limits, cpu) if full else None


DEFECT = Defect(
    id="empty-element-ends-the-list",
    breaks="mapping-translates",
    replaces=scatterlist.map_sg_through,
    by=up_to_the_first,
    root_cause="ppc_iommu_map_sg() that leaves its loop where it is to pass over an element.",
)
