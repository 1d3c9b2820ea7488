# SPDX-License-Identifier: GPL-2.0-or-later
"""Scatterlists. Linux: __dma_map_sg_attrs(), arch_dma_map_sg_direct(), ppc_iommu_map_sg(), ppc_iommu_unmap_sg()."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.guest.table import Table
from model.guest.windows import Device
from model.types import BusAddress, Direction, PhysAddr, SegmentLimits, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

Segments = list[Span[BusAddress]]


def map_sg(
    kernel: "Kernel",
    device: int,
    memory: Sequence[Span[PhysAddr]],
    direction: Direction,
    limits: SegmentLimits,
    cpu: int,
) -> Segments | None:
    """The DMA segments through which the device reaches all elements in order, or None. Linux: __dma_map_sg_attrs()."""
    # PARAMETERS
    dev = kernel.devices[device]

    # CHECKS
    if kernel.sg_goes_direct(device, memory, limits):
        assert dev.window is not None
        kernel.reached("scatterlist: direct")
        base = dev.window.base
        return [Span(BusAddress(base + part.start), BusAddress(base + part.stop)) for part in memory]
    if dev.table is None:
        return None

    # EFFECT, RETURN
    return kernel.map_sg_through(dev, dev.table, memory, direction, limits, cpu)


def sg_goes_direct(kernel: "Kernel", device: int, memory: Sequence[Span[PhysAddr]], limits: SegmentLimits) -> bool:
    """Whether all elements do, and cross no segment boundary on the bus. Linux: arch_dma_map_sg_direct().

    They cross none in memory; a window whose base is a multiple of the boundary keeps that, but A6 allows any base. An
    empty element goes where the byte at its address does.
    """
    window = kernel.devices[device].window
    parts = [element if element.size else Span(element.start, PhysAddr(element.start + 1)) for element in memory]
    if window is None or not all(kernel.routes_directly(device, part) for part in parts):
        return False
    return all(
        kernel.inside_boundary(Span(window.base + part.start, window.base + part.stop), limits.boundary)
        for part in parts
    )


def map_sg_through(
    kernel: "Kernel",
    dev: Device,
    table: Table,
    memory: Sequence[Span[PhysAddr]],
    direction: Direction,
    limits: SegmentLimits,
    cpu: int,
) -> Segments | None:
    """Map one element after the other, behind one another where that is free, all or none. Linux: ppc_iommu_map_sg().

    An empty element takes nothing, and what follows it begins a segment of its own.
    """
    # PARAMETERS
    segments: Segments = []
    after = None
    joins = False

    # EFFECT
    for element in memory:
        if element.size == 0:
            kernel.reached("scatterlist: an empty element")
            joins = False
            continue
        handle = kernel.map_element(dev, table, element, direction, limits.boundary, cpu, after)
        if handle is None:
            kernel.undo_segments(table, segments)
            return None
        segment = Span(handle, BusAddress(handle + element.size))
        after = ((segment.stop - 1) >> table.page_shift) + 1 - table.offset
        before = segments[-1] if joins else None
        joins = True
        if before is None or before.stop != segment.start:
            segments.append(segment)
        elif kernel.may_merge(before, segment, limits):
            kernel.reached("scatterlist: merged")
            segments[-1] = Span(before.start, BusAddress(before.start + kernel.merged_size(before, segment)))
        else:
            kernel.reached("scatterlist: kept apart by the device's limits")
            segments.append(segment)

    # RETURN
    return segments


def map_element(
    kernel: "Kernel",
    dev: Device,
    table: Table,
    element: Span[PhysAddr],
    direction: Direction,
    boundary: int,
    cpu: int,
    after: int | None,
) -> BusAddress | None:
    """Map one element, looking first behind the one before. Linux: the loop of ppc_iommu_map_sg()."""
    return kernel.map_through(dev, table, element, direction, cpu, boundary, after)


def may_merge(kernel: "Kernel", before: Span[BusAddress], segment: Span[BusAddress], limits: SegmentLimits) -> bool:
    """Whether a segment and the one that it continues are one within the device's limits."""
    fits = kernel.merged_size(before, segment) <= limits.longest
    return fits and kernel.merge_keeps_boundary(Span(before.start, segment.stop), limits.boundary)


def merged_size(before: Span[BusAddress], segment: Span[BusAddress]) -> int:
    """How long both are together. Linux: scatterlist::dma_length."""
    return before.size + segment.size


def merge_keeps_boundary(both: Span[BusAddress], boundary: int) -> bool:
    """Whether no segment boundary lies inside both together."""
    return inside_boundary(both, boundary)


def inside_boundary(segment: Span[BusAddress] | Span[int], boundary: int) -> bool:
    """Whether no multiple of boundary + 1 lies inside a segment. Linux: dma_get_seg_boundary()."""
    return segment.start | boundary == (segment.stop - 1) | boundary


def undo_segments(kernel: "Kernel", table: Table, segments: Segments) -> None:
    """Give back what a scatterlist has taken before one of its elements failed. Linux: ppc_iommu_map_sg(), failure."""
    if segments:
        kernel.reached("scatterlist: undone in the middle")
    for segment in segments:
        kernel.release_handle(table, segment)


def unmap_sg(
    kernel: "Kernel",
    device: int,
    memory: Sequence[Span[PhysAddr]],
    segments: Sequence[Span[BusAddress]],
    direction: Direction,
) -> None:
    """End each segment by where its handle lies. Linux: dma_unmap_sg_attrs(), ppc_iommu_unmap_sg()."""
    for segment in segments:
        kernel.unmap_page(device, segment, direction)
