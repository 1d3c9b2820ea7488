# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest keeps of nodes, windows and devices. Linux: struct dma_win, pci_dn, device::archdata."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from model.guest.sizing import WindowPlan
from model.guest.table import Table
from model.interfaces import DdwProperties, DefaultWindow, GuestWindow
from model.types import BusAddress, DmaMask, Liobn, PageShift, Pe, Span, WindowShift

if TYPE_CHECKING:
    from model.guest.rtas import Offer


@dataclass(frozen=True, slots=True, eq=False)
class DmaWindow:
    """A window that enable created: `linux,direct64-ddr-window-info` or `linux,dma64-ddr-window-info`.

    direct_size: bytes from the base on that are pre-mapped 1:1, 0 if none. dynamic_start: where dynamic TCEs begin,
    counted from the base; the size of the window if there are none. found_direct: it was found, by the name of a direct one.
    """

    liobn: Liobn
    base: BusAddress
    page_shift: PageShift
    shift: WindowShift
    direct_size: int
    dynamic_start: int
    found_direct: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return 1 << self.shift

    @property
    def stop(self) -> BusAddress:
        """The bus address behind its last byte."""
        return BusAddress(self.base + self.size)

    @property
    def view(self) -> GuestWindow:
        """What the judge may see."""
        direct = Span(self.base, BusAddress(self.base + self.direct_size))
        return GuestWindow(self.liobn, direct, Span(BusAddress(self.base + self.dynamic_start), self.stop))


class UserTable(NamedTuple):
    """A table that user space has asked for; window: the dynamic window made for it, None on the default one.

    Which of its entries are taken is what user space has mapped: struct iommu_table::it_userspace.
    """

    table: Table
    window: DmaWindow | None


@dataclass(slots=True, eq=False)
class Node:
    """The device-tree node that carries the window properties of a PE, and the tables of its group.

    default: `ibm,dma-window`; saved: its copy, for when it is gone. owned: user space has the PE; user: the tables that it
    asked for, by number.
    window: the DDW property. tables: by role, "default" and "ddw". limited: its windows were reset for limited addressing.
    gave_up: its default window was removed to make room. found, offered: the default window when the node was found, and
    what a query said then, if one was made. stray: a window whose property is there, and nothing else. plan: what the last
    attempt to open a window planned.
    """

    pe: Pe
    applicable: tuple[int, int, int] | None
    extensions: tuple[int, ...]
    mmio32: Span[BusAddress] | None
    default: DefaultWindow | None
    window: DmaWindow | None = None
    tables: dict[str, Table] = field(default_factory=dict)
    limited: bool = False
    gave_up: bool = False
    plan: WindowPlan | None = None
    saved: DefaultWindow | None = None
    found: DefaultWindow | None = None
    offered: "Offer | None" = None
    stray: DmaWindow | None = None
    owned: bool = False
    user: dict[int, UserTable] = field(default_factory=dict)

    @classmethod
    def of(cls, properties: DdwProperties) -> "Node":
        """The node as firmware presents it, or the kernel before."""
        tokens, extensions, mmio32 = properties.applicable, properties.extensions, properties.mmio32
        default = properties.default
        return cls(properties.pe, tokens, extensions, mmio32, default, saved=properties.saved, found=default)

    def extension(self, index: int) -> int | None:
        """One cell of `ibm,ddw-extensions`, None where there is none. Linux: ddw_read_ext()."""
        cells = self.extensions
        return cells[index] if cells and cells[0] >= index and index < len(cells) else None


@dataclass(slots=True, eq=False)
class Device:
    """A PCI function: its node, mask, and the window and table it uses.

    coherent_mask: as its driver has set it; what a coherent buffer has to be within is said when one is asked for.
    limit, bypass: what Linux routes by instead of the window: device::bus_dma_limit, device::dma_ops_bypass.
    kept_offset: that of a window which is no more, where anybody still goes by it.
    """

    node: Node
    mask: DmaMask = DmaMask((1 << 32) - 1)
    coherent_mask: DmaMask = DmaMask((1 << 32) - 1)
    window: DmaWindow | None = None
    table: Table | None = None
    limit: int = 0
    bypass: bool = False
    kept_offset: int = 0

    @property
    def offset(self) -> int:
        """Where the bus addresses of direct mappings begin. Linux: dev_archdata::dma_offset."""
        return self.window.base if self.window else self.kept_offset
