# SPDX-License-Identifier: GPL-2.0-or-later
"""Unmap of a scatterlist leaves its last segment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import scatterlist
from model.types import BusAddress, Direction, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def all_but_one(
    kernel: "Kernel",
    device: int,
    memory: Sequence[Span[PhysAddr]],
    segments: Sequence[Span[BusAddress]],
    direction: Direction,
) -> None:
    """Unmap all segments but the last."""
    scatterlist.unmap_sg(kernel, device, memory, segments[:-1] or segments, direction)


DEFECT = Defect(
    id="scatterlist-ends-early",
    breaks="unmap-releases",
    replaces=scatterlist.unmap_sg,
    by=all_but_one,
    root_cause="ppc_iommu_unmap_sg() that counts one segment less than there are.",
)
