# SPDX-License-Identifier: GPL-2.0-or-later
"""A scatterlist at the end of RAM does not go direct if it begins inside a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import scatterlist
from model.types import PhysAddr, SegmentLimits, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def offset_twice(kernel: "Kernel", device: int, memory: Sequence[Span[PhysAddr]], limits: SegmentLimits) -> bool:
    """Linux: arch_dma_map_sg_direct() adds sg->offset to sg_phys(), which has it already."""
    window = kernel.devices[device].window
    page = 1 << kernel.page_shift
    if window is not None and any(m.stop + m.start % page > window.direct_size for m in memory):
        return False
    return scatterlist.sg_goes_direct(kernel, device, memory, limits)


DEFECT = Defect(
    id="sg-offset-counted-twice",
    breaks="limit-matches-split",
    replaces=scatterlist.sg_goes_direct,
    by=offset_twice,
    releases=("6.12",),
    root_cause="sg_phys() is page_to_phys() + sg->offset. Where the window is direct only and there is no other, such a list "
    "cannot be mapped at all.",
)
