# SPDX-License-Identifier: GPL-2.0-or-later
"""The two sides of the boundary and the port between them.

Any guest (the model's, the kernel's own C compiled for the host, a booted kernel) runs on any hypervisor (the model's,
a real QEMU). What a side cannot show is absent from its view, and an invariant that needs it is then not checked
rather than held.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import NamedTuple, Protocol

from model.calls import Hcall, HcallAnswer, RtasAnswer, RtasCall
from model.locks import Lock
from model.types import (
    BusAddress,
    Direction,
    DmaMask,
    Liobn,
    PageShift,
    Pe,
    PhysAddr,
    SegmentLimits,
    Span,
    Tce,
    WindowShift,
)


class DefaultWindow(NamedTuple):
    """`ibm,dma-window` of a node: LIOBN and bus range; its I/O pages are 4 KB. LoPAR B.5.5.1.1.2, R1-7.3.27-4."""

    liobn: Liobn
    span: Span[BusAddress]


class InheritedWindow(NamedTuple):
    """A dynamic window that a kernel before has left: `linux,direct64-ddr-window-info`, or without a direct part
    `linux,dma64-ddr-window-info`.
    """

    liobn: Liobn
    base: BusAddress
    page_shift: PageShift
    shift: WindowShift
    direct: bool


class Boot(Enum):
    """How a kernel comes to run: started by firmware, by a kernel before it, or by one that crashed, to dump that."""

    FIRMWARE = "firmware"
    KEXEC = "kexec"
    KDUMP = "kdump"


class DdwProperties(NamedTuple):
    """What firmware writes into the node above a PE.

    default: None for a PE that came up frozen. applicable: tokens of query, create, remove; None where DDW does not
    apply. extensions: cells of `ibm,ddw-extensions`, count first; empty where absent. inherited, saved: a dynamic window, and
    the copy of a default one that was given up; kexec hands them on, never firmware.
    """

    pe: Pe
    default: DefaultWindow | None
    applicable: tuple[int, int, int] | None
    extensions: tuple[int, ...]
    mmio32: Span[BusAddress] | None
    inherited: InheritedWindow | None = None
    saved: DefaultWindow | None = None

    @property
    def default_liobn(self) -> Liobn | None:
        """LIOBN of the default window."""
        return self.default.liobn if self.default else None


class TceSpan(NamedTuple):
    """Neighbouring TCEs [start, stop) of a window; entry start + k holds tce + k * step."""

    start: int
    stop: int
    tce: Tce
    step: int


class Reach(NamedTuple):
    """What a device gets at a bus address: the memory behind it and the control bits; LoPAR figure 5."""

    memory: PhysAddr
    control: int


class TableView(Protocol):
    """The TCE table of one window as the device sees it. Entries are numbered from the window's base."""

    def spans(self, start: int, stop: int) -> Iterable[TceSpan]:
        """The entries that are not zero, in order, cut to [start, stop)."""

    def valid(self) -> bool:
        """Whether any entry grants access."""


class WindowView(Protocol):
    """One window that exists."""

    liobn: Liobn
    base: BusAddress
    page_shift: PageShift
    window_shift: WindowShift

    @property
    def span(self) -> Span[BusAddress]:
        """Its bus addresses."""

    @property
    def table(self) -> TableView:
        """What the device reaches through it."""


class Hypervisor(Protocol):
    """A PAPR platform."""

    def properties(self, pe: Pe) -> DdwProperties:
        """The device-tree properties of a PE as they are at boot or after configure-connector."""

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """Carry out one RTAS call."""

    def hcall(self, call: Hcall) -> HcallAnswer:
        """Carry out one hypercall, or a loop of them."""

    def assign_memory(self, span: Span[PhysAddr]) -> None:
        """Give the partition a range of memory (DLPAR add, or vPMEM)."""

    def release_memory(self, span: Span[PhysAddr]) -> bool:
        """Take a range back; False (status -9001) while a TCE reaches it. LoPAR R1-13.7.4.1.2-2."""

    def isolate(self, pe: Pe) -> None:
        """DR isolate of the PE's slot: its windows as at boot. LoPAR R1-7.3.27-5."""

    def eeh_reset(self, pe: Pe) -> None:
        """Reset of the PE's slot after an error. A14."""

    def reboot(self) -> None:
        """Partition reboot: all windows as at boot. LoPAR R1-7.3.27-5."""

    def windows(self, pe: Pe) -> Sequence[WindowView]:
        """The windows of a PE that exist now."""

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        """What the PE reaches at a bus address; None for a fault."""


class GuestTable(NamedTuple):
    """A TCE table that the guest allocates from: struct iommu_table. Bus ranges are absolute.

    allocated: entries taken, as ranges of window indices, without the reservations; None if the guest cannot show it.
    """

    liobn: Liobn
    span: Span[BusAddress]
    allocated: Sequence[Span[int]] | None


class GuestWindow(NamedTuple):
    """A dynamic window that the guest holds: direct and dynamic part as bus ranges, empty where there is none."""

    liobn: Liobn
    direct: Span[BusAddress]
    dynamic: Span[BusAddress]


class GuestDevice(NamedTuple):
    """What the guest holds for one device.

    tables: those of its PE, the same for all its functions; current: LIOBN of the one it maps through, None without. window:
    that of its PE, whether or not the function uses it. traces: further things that the guest keeps: properties, list
    entries.
    """

    mask: DmaMask
    tables: Sequence[GuestTable]
    current: Liobn | None
    window: GuestWindow | None
    has_default_property: bool
    traces: Sequence[str]


class MaskAnswer(NamedTuple):
    """accepted: the driver may use the mask. bypass: all memory that there is now is reached directly.

    Of memory that comes later, `Guest.routes_directly` tells.
    """

    accepted: bool
    bypass: bool


Segments = tuple[Span[BusAddress], ...]
"""The DMA segments of a scatterlist."""
Answer = bool | int | MaskAnswer | Segments | None
"""What an event ended with, for the trace."""


class Guest(Protocol):
    """A kernel's DDW code. One device is one PE function; a device is named by its position in the partition."""

    def attach(self, device: int, node: DdwProperties) -> None:
        """Set the device up, at boot or by DLPAR add. Linux: pci_dma_bus_setup_pSeriesLP(), pci_dma_dev_setup_pSeriesLP().

        Functions of one PE are given the same `node.pe`; the first of them brings the node.
        """

    def detach(self, device: int) -> None:
        """Take the device away, and with the last one of its PE the node. Linux: iommu_reconfig_notifier()."""

    def replug(self, device: int) -> None:
        """Forget the function and find it again; its node stays. Linux: pci_dma_dev_setup_pSeriesLP()."""

    def properties(self, device: int) -> DdwProperties:
        """The properties above the device as they are now, for a kernel that follows by kexec."""

    def set_dma_mask(self, device: int, mask: DmaMask) -> MaskAnswer:
        """A driver sets its mask. Linux: dma_iommu_dma_supported()."""

    def set_coherent_mask(self, device: int, mask: DmaMask) -> bool:
        """A driver sets its coherent mask; whether it may have it. Linux: dma_set_coherent_mask()."""

    def required_mask(self, device: int) -> DmaMask:
        """The mask with which a device reaches all it may be given; 0 if nothing. Linux: dma_iommu_get_required_mask()."""

    def map_page(self, device: int, memory: Span[PhysAddr], direction: Direction, cpu: int) -> BusAddress | None:
        """Map memory for the device; None on failure. Linux: dma_map_page_attrs()."""

    def unmap_page(self, device: int, handle: Span[BusAddress], direction: Direction) -> None:
        """End a mapping. Linux: dma_unmap_page_attrs()."""

    def map_sg(
        self,
        device: int,
        memory: Sequence[Span[PhysAddr]],
        direction: Direction,
        limits: SegmentLimits,
        cpu: int,
    ) -> Sequence[Span[BusAddress]] | None:
        """Map a scatterlist; its DMA segments, None on failure. Linux: dma_map_sg_attrs()."""

    def unmap_sg(
        self,
        device: int,
        memory: Sequence[Span[PhysAddr]],
        segments: Sequence[Span[BusAddress]],
        direction: Direction,
    ) -> None:
        """End the mapping of a scatterlist. Linux: dma_unmap_sg_attrs()."""

    def alloc_coherent(self, device: int, memory: Span[PhysAddr], mask: DmaMask, cpu: int) -> BusAddress | None:
        """A coherent buffer in memory that the page allocator gives; None on failure. Linux: dma_alloc_attrs()."""

    def free_coherent(self, device: int, memory: Span[PhysAddr], handle: BusAddress, mask: DmaMask) -> None:
        """Give a coherent buffer back. Linux: dma_free_attrs()."""

    def take_ownership(self, device: int) -> bool:
        """Give a function to user space; with the first of its PE go the windows. Linux: spapr_tce_take_ownership()."""

    def create_table(
        self, device: int, number: int, page_shift: int, window_size: int, levels: int
    ) -> BusAddress | None:
        """A table for user space; where its window begins, None on failure. Linux: spapr_tce_create_table()."""

    def set_window(self, device: int, number: int, source: int) -> bool:
        """Whether a PE translates by the table made for the PE of `source`. Linux: spapr_tce_set_window()."""

    def unset_window(self, device: int, number: int) -> bool:
        """Clear a table of user space and remove its window. Linux: tce_iommu_clear(), spapr_tce_unset_window()."""

    def map_user(
        self, device: int, number: int, iova: BusAddress, memory: Span[PhysAddr], direction: Direction
    ) -> BusAddress | None:
        """Map memory where user space asks; None on failure. Linux: tce_iommu_build_v2()."""

    def unmap_user(self, device: int, number: int, handle: Span[BusAddress]) -> None:
        """End a mapping of user space. Linux: tce_iommu_clear()."""

    def release_ownership(self, device: int) -> None:
        """Give a function back to the kernel's drivers. Linux: spapr_tce_release_ownership()."""

    def memory_going_online(self, block: Span[PhysAddr]) -> bool:
        """MEM_GOING_ONLINE; False refuses it."""

    def memory_cancel_online(self, block: Span[PhysAddr]) -> None:
        """MEM_CANCEL_ONLINE."""

    def memory_online(self, block: Span[PhysAddr]) -> None:
        """MEM_ONLINE: the block is in use from now on."""

    def memory_offline(self, block: Span[PhysAddr]) -> bool:
        """MEM_OFFLINE: the block is no longer in use; False reports a failure, which changes nothing any more."""

    def vpmem_added(self, span: Span[PhysAddr]) -> None:
        """An `ibm,pmemory` range appears."""

    def vpmem_removed(self, span: Span[PhysAddr]) -> None:
        """An `ibm,pmemory` range disappears."""

    def routes_directly(self, device: int, memory: Span[PhysAddr]) -> bool:
        """Whether a map of this memory would take no TCE of its own; asking changes nothing."""

    def view(self, device: int) -> GuestDevice | None:
        """What the guest holds for the device; None while it is detached."""


class Port(Protocol):
    """The guest's way out: every call that crosses, and every allocation that may fail, goes through it."""

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """One RTAS call."""

    def hcall(self, call: Hcall) -> HcallAnswer:
        """One hypercall, or a loop of them."""

    @property
    def watched(self) -> bool:
        """Whether another CPU's event is still to come in the middle of what the guest does now."""

    def allocate(self, what: str, sleeps: bool = False) -> bool:
        """Whether the kernel's allocation of `what` succeeds; if it sleeps, other CPUs may come in."""

    def locked(self, lock: Lock) -> AbstractContextManager[None]:
        """Hold a lock of the kernel's; what another CPU does meanwhile waits if it needs that one."""


class Crash(Exception):
    """The guest did what would crash a kernel: NULL dereference, BUG, endless loop. A verdict, not an error."""
