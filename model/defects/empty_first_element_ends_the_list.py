# SPDX-License-Identifier: GPL-2.0-or-later
"""A scatterlist whose first element is empty is never unmapped."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import scatterlist
from model.types import BusAddress, Direction, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def nothing_of_it(
    kernel: "Kernel",
    device: int,
    memory: Sequence[Span[PhysAddr]],
    segments: Sequence[Span[BusAddress]],
    direction: Direction,
) -> None:
    """Linux: ppc_iommu_unmap_sg() ends at the first segment without length."""
    if memory[0].size:
        scatterlist.unmap_sg(kernel, device, memory, segments, direction)


DEFECT = Defect(
    id="empty-first-element-ends-the-list",
    breaks="unmap-releases",
    replaces=scatterlist.unmap_sg,
    by=nothing_of_it,
    releases=("6.1", "6.12", "7.2", "7.3"),
    root_cause="ppc_iommu_map_sg() passes over empty elements, but counts the first one as a segment, of no length, and ends "
    "at such a one when it unmaps.",
)
