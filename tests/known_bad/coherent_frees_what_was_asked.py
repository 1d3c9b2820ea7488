# SPDX-License-Identifier: GPL-2.0-or-later
"""Free of a coherent buffer goes by the size that the driver asked for, not by the pages that were mapped."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import coherent
from model.types import BusAddress, Direction, DmaMask, PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_its_bytes(kernel: "Kernel", device: int, memory: Span[PhysAddr], handle: BusAddress, mask: DmaMask) -> None:
    """Unmap as many bytes as were asked for."""
    kernel.unmap_page(device, Span(handle, BusAddress(handle + memory.size)), Direction.BIDIRECTIONAL)


DEFECT = Defect(
    id="coherent-frees-what-was-asked",
    breaks="unmap-releases",
    replaces=coherent.free_coherent,
    by=by_its_bytes,
    root_cause="iommu_free_coherent() without its PAGE_ALIGN().",
)
