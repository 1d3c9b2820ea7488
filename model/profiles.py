# SPDX-License-Identifier: GPL-2.0-or-later
"""Platforms as data: what a hypervisor offers, how it fills LoPAR's silences, and what a partition consists of."""

from dataclasses import dataclass, field
from enum import Enum, IntFlag

from model.types import GIB, KIB, MIB, BusAddress, PageShift, PhysAddr, Span


class WideBlock(Enum):
    """A1: what a 5-output query says of a block of 2^32 TCEs or more."""

    SATURATE = "saturate"
    TRUNCATE = "truncate"


class Oversize(Enum):
    """A3: the status of a create that asks for more than there is."""

    PARAMETER = -3
    HARDWARE = -1


class Outputs(Enum):
    """A4: the other outputs of a query or create that failed."""

    ZERO = 0
    JUNK = 0xFFFFFFFF


class LiobnOf(Enum):
    """A6: which LIOBN a new window gets."""

    FRESH = "fresh"
    RECYCLED = "recycled"


class Placement(Enum):
    """A6: where a new window starts: at the first free bus address, or at the first that its size divides."""

    PACKED = "packed"
    ALIGNED = "aligned"


class DirtyRemoval(Enum):
    """A8: remove or reset of a table that still holds valid TCEs."""

    REFUSE = "refuse"
    DROP = "drop"


class Unaligned(Enum):
    """A13: an IOBA or a TCE's address that is not a multiple of the I/O page."""

    REJECT = "reject"
    TRUNCATE = "truncate"


class Ownership(Enum):
    """A13: how much of an I/O page must belong to the partition."""

    FIRST_4K = "first-4k"
    WHOLE_PAGE = "whole-page"


class ReservedBits(Enum):
    """A17: TCE bits 52..61 that are not zero."""

    MASK = "mask"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Choices:
    """One answer for each point on which LoPAR is silent and the model offers more than one."""

    wide_block: WideBlock = WideBlock.SATURATE
    oversize: Oversize = Oversize.PARAMETER
    failed_outputs: Outputs = Outputs.ZERO
    liobn: LiobnOf = LiobnOf.FRESH
    placement: Placement = Placement.PACKED
    dirty_removal: DirtyRemoval = DirtyRemoval.REFUSE
    unaligned: Unaligned = Unaligned.REJECT
    ownership: Ownership = Ownership.FIRST_4K
    reserved_bits: ReservedBits = ReservedBits.MASK


@dataclass(frozen=True, slots=True)
class Profile:
    """A platform.

    name: as users say it. windows: most windows of one PE at a time, the default one included. block: largest block of
    TCEs, in TCEs. pages: the page-size mask that query answers (LoPAR 7.3.27.1; bit 8 is 2 MB, which LoPAR 2.9 lacks).
    query_outputs: 5 or 6. extensions: the cells of `ibm,ddw-extensions`, count first; empty where the property is
    absent. default: bus range of the default window (4 KB pages). dma64: lowest bus address of a created window.
    limited: the same in limited-addressing mode. mmio32: the bus addresses at which the PHB forwards to 32-bit MMIO.
    applicable: whether the PEs have `ibm,ddw-applicable`, which holds the `tokens`.
    """

    name: str
    windows: int
    block: int
    pages: int
    query_outputs: int
    extensions: tuple[int, ...]
    default: Span[BusAddress]
    dma64: BusAddress = BusAddress(1 << 59)
    limited: BusAddress = BusAddress(1 << 32)
    mmio32: Span[BusAddress] | None = Span(BusAddress(0x80000000), BusAddress(0xFF000000))
    tokens: tuple[int, int, int] = (0x53, 0x54, 0x55)
    first_liobn: int = 0x70000524
    choices: Choices = field(default_factory=Choices)
    applicable: bool = True


RESET_TOKEN = 0x56
"""Token of ibm,reset-pe-dma-windows in the built-in profiles. LoPAR 7.3.27.4, ddw-extensions index 2."""

_BELOW_2G = Span(BusAddress(0), BusAddress(2 * GIB))

POWERVM_DEDICATED = Profile(
    "powervm-dedicated", windows=2, block=0x1000000, pages=0x103, query_outputs=6,
    extensions=(2, RESET_TOKEN, 1), default=_BELOW_2G,
)  # fmt: skip
POWERVM_SRIOV = Profile(
    "powervm-sriov", windows=1, block=0x1000000, pages=0x103, query_outputs=6,
    extensions=(2, RESET_TOKEN, 1), default=_BELOW_2G,
)  # fmt: skip
POWERVM_SRIOV_LIMITED = Profile(
    "powervm-sriov-limited", windows=1, block=0x1000000, pages=0x103, query_outputs=6,
    extensions=(3, RESET_TOKEN, 1, 1), default=_BELOW_2G,
)  # fmt: skip
QEMU_PSERIES = Profile(
    "qemu-pseries", windows=2, block=0x80000000, pages=0x7, query_outputs=5,
    extensions=(1, 0x2029), default=Span(BusAddress(0), BusAddress(GIB)), tokens=(0x2026, 0x2027, 0x2028),
    first_liobn=0x80000000,
    choices=Choices(liobn=LiobnOf.RECYCLED, dirty_removal=DirtyRemoval.DROP),
)  # fmt: skip

PROFILES = {p.name: p for p in (POWERVM_DEDICATED, POWERVM_SRIOV, POWERVM_SRIOV_LIMITED, QEMU_PSERIES)}


class MultiTce(IntFlag):
    """Which multi-TCE hypercalls the firmware has. Linux: FW_FEATURE_PUT_TCE_IND, FW_FEATURE_STUFF_TCE.

    LoPAR R1-14.5.3-1 wants both or none in `hcall-multi-tce`; Linux looks at each by itself.
    """

    NONE = 0
    INDIRECT = 1
    STUFF = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class Lpar:
    """A partition.

    blocks: RAM blocks that may be online, each a byte range; they may leave holes. online: which of them are online at
    boot, by position. hotplug_max: the highest address that RAM may ever have, in bytes (Linux:
    hot_add_drconf_memory_max()). vpmem: persistent-memory ranges (`ibm,pmemory`), by position; vpmem_at_boot: which
    exist at boot. page: log2 of the kernel's page, 12 or 16. multi_tce: what the firmware has of `hcall-multi-tce`.
    functions: for each device, a PCI function, the number of the PE that it belongs to; PEs are numbered from 0, each
    below a PHB of its own. reserved: parts of RAM, in order, that the kernel is told to leave alone, though they are the
    partition's (Linux: `no-map` below `/reserved-memory`); a block that has some stays as it is at boot.
    """

    blocks: tuple[Span[PhysAddr], ...]
    online: tuple[int, ...]
    hotplug_max: PhysAddr
    vpmem: tuple[Span[PhysAddr], ...] = ()
    vpmem_at_boot: tuple[int, ...] = ()
    page: PageShift = PageShift(16)
    multi_tce: MultiTce = MultiTce.BOTH
    functions: tuple[int, ...] = (0,)
    reserved: tuple[Span[PhysAddr], ...] = ()

    @property
    def ram_at_boot(self) -> list[Span[PhysAddr]]:
        """The RAM that the kernel finds when it boots: the online blocks less what is reserved of them. Linux: what
        walk_system_ram_range() goes through.
        """
        ram: list[Span[PhysAddr]] = []
        for block in sorted(self.blocks[k] for k in self.online):
            start = block.start
            for kept in self.reserved:
                if block.covers(kept):
                    ram.append(Span(start, kept.start))
                    start = kept.stop
            ram.append(Span(start, block.stop))
        return [part for part in ram if part.size > 0]

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.functions)

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return max(self.functions) + 1


def simple_lpar(ram: int, block: int = 256 * MIB, vpmem: int = 0, devices: int = 1) -> Lpar:
    """A partition with `ram` bytes from 0, half of it online at boot, and optionally `vpmem` bytes above it."""
    half = max(block, ram // 2)
    blocks = (Span(PhysAddr(0), PhysAddr(half)), Span(PhysAddr(half), PhysAddr(max(ram, half + block))))
    top = PhysAddr(blocks[-1].stop)
    ranges = (Span(PhysAddr(top * 2), PhysAddr(top * 2 + vpmem)),) if vpmem else ()
    return Lpar(
        blocks, (0,), top, ranges, tuple(range(len(ranges))), PageShift((64 * KIB).bit_length() - 1), MultiTce.BOTH,
        tuple(range(devices)),
    )  # fmt: skip
