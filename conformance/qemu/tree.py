# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine's device tree says of its PCI host bridges. LoPAR B.5.5.1.1; QEMU: spapr_dt_phb()."""

from collections.abc import Iterator
from typing import NamedTuple

import fdt

from model.interfaces import DdwProperties, DefaultWindow
from model.types import BusAddress, Liobn, Pe, PhysAddr, Span

BUID = 0x800000020000000
"""The unit id of bridge 0; those of the others follow. QEMU: SPAPR_PCI_BASE_BUID."""
MEMORY_32 = 0x2000000
"""The space of an entry of `ranges` that is 32-bit memory. Open Firmware's PCI binding."""
RANGE = 7
"""Cells of an entry of `ranges`: three of PCI address, two of CPU address, two of size."""


class Bridge(NamedTuple):
    """A PCI host bridge, which is one PE: its properties, where its 32-bit MMIO lies for the CPU, its DR connector."""

    properties: DdwProperties
    mmio: PhysAddr
    connector: int


def pe_of_bridge(index: int) -> Pe:
    """The PE of a bridge as QEMU names it; it does not look at the config address."""
    return Pe(0, BUID + index)


class Tree:
    """The device tree of a booted machine."""

    def __init__(self, blob: bytes) -> None:
        self._tree = fdt.parse_dtb(blob)

    def token(self, name: str) -> int:
        """The token of an RTAS call."""
        return self._cells("/rtas", name)[0]

    def bridge(self, index: int) -> Bridge:
        """The bridge of that index."""
        node = f"/pci@{BUID + index:x}"
        liobn, high, low, size_high, size_low = self._cells(node, "ibm,dma-window")
        start = high << 32 | low
        default = DefaultWindow(Liobn(liobn), Span(BusAddress(start), BusAddress(start + (size_high << 32 | size_low))))
        query, create, remove = self._cells(node, "ibm,ddw-applicable")
        mmio32, mmio = next(self._memory(node))
        properties = DdwProperties(
            pe_of_bridge(index), default, (query, create, remove), self._cells(node, "ibm,ddw-extensions"), mmio32
        )
        return Bridge(properties, mmio, self._cells(node, "ibm,my-drc-index")[0])

    def _memory(self, node: str) -> Iterator[tuple[Span[BusAddress], PhysAddr]]:
        cells = self._cells(node, "ranges")
        for at in range(0, len(cells), RANGE):
            space, bus_high, bus_low, cpu_high, cpu_low, size_high, size_low = cells[at : at + RANGE]
            if space == MEMORY_32:
                start = bus_high << 32 | bus_low
                stop = start + (size_high << 32 | size_low)
                yield Span(BusAddress(start), BusAddress(stop)), PhysAddr(cpu_high << 32 | cpu_low)

    def _cells(self, node: str, name: str) -> tuple[int, ...]:
        return tuple(self._tree.get_property(name, node).data)
