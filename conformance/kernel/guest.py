# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own code behind the `Guest` interface."""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

from conformance.kernel.owners import DIRECTIONS, UserSpace
from conformance.kernel.worker import Ask, Program, Scenario
from model.interfaces import (
    Boot,
    DdwProperties,
    DefaultWindow,
    GuestDevice,
    GuestTable,
    GuestWindow,
    InheritedWindow,
    MaskAnswer,
    Port,
)
from model.profiles import Lpar
from model.types import BusAddress, Direction, DmaMask, Liobn, PageShift, PhysAddr, SegmentLimits, Span, WindowShift

NO_HANDLE = (1 << 64) - 1
"""Linux: DMA_MAPPING_ERROR."""


class MemoryAction(IntEnum):
    """Linux: include/linux/memory.h."""

    ONLINE = 1
    OFFLINE = 4
    GOING_ONLINE = 8
    CANCEL_ONLINE = 16


class CompiledKernel(UserSpace):
    """One boot of the kernel that `program` was compiled from.

    lpar: what the partition is made of; port: its way to the hypervisor; callers: see Scenario; boot: how it comes to run,
    each time in a process of its own. The judge sees what the kernel's own structures hold, read by c/partition.c.
    """

    def __init__(self, program: Program, lpar: Lpar, port: Port, callers: list[int], boot: Boot) -> None:
        self._scenario = Scenario(program, port, callers)
        self._ask = self._scenario.ask
        self._online = [lpar.blocks[k] for k in lpar.online]
        self._vpmem = [lpar.vpmem[k] for k in lpar.vpmem_at_boot]
        words = [int(lpar.multi_tce), lpar.hotplug_max, int(boot is Boot.KDUMP)]
        for spans in (self._online, self._vpmem):
            words += [len(spans), *(end for span in spans for end in span)]
        self._attached: dict[int, DdwProperties] = {}
        self._ask(Ask.BOOT, *words)

    def attach(self, device: int, node: DdwProperties) -> None:
        """pci_dma_bus_setup_pSeriesLP(), pci_dma_dev_setup_pSeriesLP()."""
        mmio, left = node.mmio32, node.inherited
        words = [device, node.pe.config_addr, node.pe.buid, *_default(node.default)]
        words += [1, *node.applicable] if node.applicable else [0, 0, 0, 0]
        words += [len(node.extensions), *node.extensions]
        words += [1, *mmio] if mmio else [0, 0, 0]
        words += _default(node.saved)
        words += [1, left.direct, left.liobn, left.base, left.page_shift, left.shift] if left else [0] * 6
        self._attached[device] = node
        self._ask(Ask.ATTACH, *words)

    def detach(self, device: int) -> None:
        """iommu_reconfig_notifier()."""
        del self._attached[device]
        self._ask(Ask.DETACH, device)

    def replug(self, device: int) -> None:
        """pci_dma_dev_setup_pSeriesLP()."""
        self._ask(Ask.REPLUG, device)

    def properties(self, device: int) -> DdwProperties:
        """What the device tree has for a kernel that follows; firmware's own properties as they came."""
        words = self._ask(Ask.PROPERTIES, device)
        found, direct, liobn, base, page, shift = words[8:]
        left = InheritedWindow(Liobn(liobn), BusAddress(base), PageShift(page), WindowShift(shift), bool(direct))
        node = self._attached[device]
        return node._replace(default=_window(words[:4]), saved=_window(words[4:8]), inherited=left if found else None)

    def set_coherent_mask(self, device: int, mask: DmaMask) -> bool:
        """dma_set_coherent_mask()."""
        return bool(self._ask(Ask.SET_COHERENT_MASK, device, mask)[0])

    def required_mask(self, device: int) -> DmaMask:
        """dma_get_required_mask()."""
        return DmaMask(self._ask(Ask.ASK_MASK, device)[0])

    def set_dma_mask(self, device: int, mask: DmaMask) -> MaskAnswer:
        """dma_iommu_dma_supported()."""
        accepted = bool(self._ask(Ask.SET_MASK, device, mask)[0])
        everything = (*self._online, *self._vpmem)
        bypass = accepted and bool(everything)
        return MaskAnswer(accepted, bypass and all(self.routes_directly(device, memory) for memory in everything))

    def map_page(self, device: int, memory: Span[PhysAddr], direction: Direction, cpu: int) -> BusAddress | None:
        """dma_map_page_attrs()."""
        handle = self._ask(Ask.MAP, device, memory.start, memory.size, DIRECTIONS[direction], cpu)[0]
        return None if handle == NO_HANDLE else BusAddress(handle)

    def unmap_page(self, device: int, handle: Span[BusAddress], direction: Direction) -> None:
        """dma_unmap_page_attrs()."""
        self._ask(Ask.UNMAP, device, handle.start, handle.size, DIRECTIONS[direction])

    def map_sg(
        self, device: int, memory: Sequence[Span[PhysAddr]], direction: Direction, limits: SegmentLimits, cpu: int
    ) -> Sequence[Span[BusAddress]] | None:
        """__dma_map_sg_attrs()."""
        reply = self._ask(Ask.MAP_SG, device, DIRECTIONS[direction], cpu, *limits, *_list(memory))
        starts, sizes = reply[::2], reply[1::2]
        segments = [Span(BusAddress(at), BusAddress(at + size)) for at, size in zip(starts, sizes, strict=True)]
        return segments or None

    def unmap_sg(
        self,
        device: int,
        memory: Sequence[Span[PhysAddr]],
        segments: Sequence[Span[BusAddress]],
        direction: Direction,
    ) -> None:
        """dma_unmap_sg_attrs()."""
        self._ask(Ask.UNMAP_SG, device, DIRECTIONS[direction], *_list(memory), *_list(segments))

    def alloc_coherent(self, device: int, memory: Span[PhysAddr], mask: DmaMask, cpu: int) -> BusAddress | None:
        """dma_alloc_attrs()."""
        handle = self._ask(Ask.ALLOC_COHERENT, device, memory.start, memory.size, mask, cpu)[0]
        return None if handle == NO_HANDLE else BusAddress(handle)

    def free_coherent(self, device: int, memory: Span[PhysAddr], handle: BusAddress, mask: DmaMask) -> None:
        """dma_free_attrs()."""
        self._ask(Ask.FREE_COHERENT, device, memory.start, memory.size, handle, mask)

    def _memory(self, action: MemoryAction, block: Span[PhysAddr]) -> bool:
        return bool(self._ask(Ask.MEMORY, action, block.start, block.size)[0])

    def memory_going_online(self, block: Span[PhysAddr]) -> bool:
        """iommu_mem_notifier() with MEM_GOING_ONLINE."""
        return self._memory(MemoryAction.GOING_ONLINE, block)

    def memory_cancel_online(self, block: Span[PhysAddr]) -> None:
        """iommu_mem_notifier() with MEM_CANCEL_ONLINE."""
        self._memory(MemoryAction.CANCEL_ONLINE, block)

    def memory_online(self, block: Span[PhysAddr]) -> None:
        """iommu_mem_notifier() with MEM_ONLINE."""
        self._online.append(block)
        self._memory(MemoryAction.ONLINE, block)

    def memory_offline(self, block: Span[PhysAddr]) -> bool:
        """iommu_mem_notifier() with MEM_OFFLINE."""
        self._online.remove(block)
        return self._memory(MemoryAction.OFFLINE, block)

    def vpmem_added(self, span: Span[PhysAddr]) -> None:
        """An ibm,pmemory node appears."""
        self._vpmem.append(span)
        self._ask(Ask.VPMEM, 1, span.start, span.size)

    def vpmem_removed(self, span: Span[PhysAddr]) -> None:
        """An ibm,pmemory node disappears."""
        self._vpmem.remove(span)
        self._ask(Ask.VPMEM, 0, span.start, span.size)

    def routes_directly(self, device: int, memory: Span[PhysAddr]) -> bool:
        """What dma_map_page_attrs() would decide."""
        return bool(self._ask(Ask.ROUTES, device, memory.start, memory.size)[0])

    def view(self, device: int) -> GuestDevice | None:
        """The kernel's structures of a device, see partition_view() for the words; None too if the kernel has crashed."""
        if device not in self._attached or not self._scenario.alive:
            return None
        return _view(iter(self._ask(Ask.VIEW, device)))


def _default(window: DefaultWindow | None) -> list[int]:
    """Whether there is one, LIOBN, start, size."""
    return [1, window.liobn, window.span.start, window.span.size] if window else [0] * 4


def _window(words: Sequence[int]) -> DefaultWindow | None:
    present, liobn, start, size = words
    return DefaultWindow(Liobn(liobn), Span(BusAddress(start), BusAddress(start + size))) if present else None


def _list(spans: Iterable[Span[int] | Span[PhysAddr] | Span[BusAddress]]) -> list[int]:
    """How many, then start and size of each."""
    pairs = [(span.start, span.size) for span in spans]
    return [len(pairs), *(word for pair in pairs for word in pair)]


def _view(words: Iterator[int]) -> GuestDevice:
    mask, current, default, opened = (next(words) for _ in range(4))
    window = None
    if opened:
        liobn, *bounds = (next(words) for _ in range(5))
        start, direct_stop, dynamic_start, stop = (BusAddress(bound) for bound in bounds)
        window = GuestWindow(Liobn(liobn), Span(start, direct_stop), Span(dynamic_start, stop))
    tables = []
    while next(words):
        liobn, first, last, mapped = (next(words) for _ in range(4))
        taken = list(_ranges(words)) if mapped else None
        tables.append(GuestTable(Liobn(liobn), Span(BusAddress(first), BusAddress(last)), taken))
    traces = ["a failed-list entry"] * next(words)
    traces += ["a pointer to a freed table"] * next(words)
    traces += ["a property of a window that is on no list"] * next(words)
    return GuestDevice(DmaMask(mask), tables, Liobn(current - 1) if current else None, window, bool(default), traces)


def _ranges(words: Iterator[int]) -> Iterator[Span[int]]:
    while next(words):
        yield Span(next(words), next(words))
