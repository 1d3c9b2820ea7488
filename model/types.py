# SPDX-License-Identifier: GPL-2.0-or-later
"""The quantities of DMA translation, as distinct types. Hypervisor and guest share these and nothing else."""

from enum import Enum
from typing import Generic, NamedTuple, NewType, TypeVar

BusAddress = NewType("BusAddress", int)
"""An address that a device puts on the bus, in bytes. LoPAR calls it IOBA where a hypercall takes it."""

PhysAddr = NewType("PhysAddr", int)
"""A logical real address of the partition, in bytes."""

TceIndex = NewType("TceIndex", int)
"""The number of a TCE inside its window: (bus address - window base) >> page shift. LoPAR 3.2.2.2."""

Liobn = NewType("Liobn", int)
"""Logical I/O bus number: the name of one TCE table, 32 bits."""

PageShift = NewType("PageShift", int)
"""log2 of an I/O page in bytes, 12..34."""

WindowShift = NewType("WindowShift", int)
"""log2 of a window in bytes."""

DmaMask = NewType("DmaMask", int)
"""The bus addresses a driver says its device can form: a run of low one bits."""

Tce = NewType("Tce", int)
"""One translation control entry, 64 bits. LoPAR 3.2.2.2, table 8."""

READ = 0b01
"""TCE control bit: the device may read. LoPAR table 8."""
WRITE = 0b10
"""TCE control bit: the device may write. LoPAR table 8."""
CONTROL = READ | WRITE
ADDRESS = 0xFFFFFFFFFFFFF000
"""TCE bits of the memory behind it, in 4 KB pages. LoPAR table 8."""

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

A = TypeVar("A", bound=int)


class Span(NamedTuple, Generic[A]):
    """A half-open range [start, stop) of addresses or indices of one kind."""

    start: A
    stop: A

    @property
    def size(self) -> int:
        """Number of bytes or entries."""
        return self.stop - self.start

    def holds(self, value: int) -> bool:
        """Whether `value` lies inside."""
        return self.start <= value < self.stop

    def covers(self, other: "Span[A]") -> bool:
        """Whether every element of `other` lies inside."""
        return self.start <= other.start and other.stop <= self.stop

    def touches(self, other: "Span[A]") -> bool:
        """Whether at least one element is in both."""
        return (
            self.start < other.stop and other.start < self.stop and self.start < self.stop and other.start < other.stop
        )


class Direction(Enum):
    """Which way the data goes. Linux: enum dma_data_direction."""

    TO_DEVICE = "to_device"
    FROM_DEVICE = "from_device"
    BIDIRECTIONAL = "bidirectional"

    @property
    def needs(self) -> int:
        """The TCE control bits without which the device could not do what was asked for."""
        if self is Direction.TO_DEVICE:
            return READ
        return WRITE if self is Direction.FROM_DEVICE else READ | WRITE


class SegmentLimits(NamedTuple):
    """What a device wants of each DMA segment: at most `longest` bytes, and no multiple of `boundary` + 1 inside it.

    Linux: struct device_dma_parameters. boundary: a run of low one bits.
    """

    longest: int
    boundary: int


class Pe(NamedTuple):
    """The address of a partitionable endpoint: what RTAS calls name it by. LoPAR table 129."""

    config_addr: int
    buid: int

    @property
    def cells(self) -> tuple[int, int, int]:
        """The three argument cells: config_addr, PHB unit id high, PHB unit id low."""
        return self.config_addr, self.buid >> 32, self.buid & 0xFFFFFFFF

    def __str__(self) -> str:
        bus, devfn = self.config_addr >> 16 & 0xFF, self.config_addr >> 8 & 0xFF
        return f"{self.buid & 0xFFFF:04x}:{bus:02x}:{devfn >> 3:02x}.{devfn & 7}"
