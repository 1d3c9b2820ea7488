# SPDX-License-Identifier: GPL-2.0-or-later
"""A table that the guest allocates TCEs from. Linux: struct iommu_table, iommu_init_table()."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model.guest.bitmap import EntryMap
from model.interfaces import GuestTable
from model.types import BusAddress, Liobn, PageShift, Span
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

BLOCK = 16
"""Entries by which the hint of a small allocation moves on. Linux: it_blocksize."""


@dataclass(slots=True)
class Pool:
    """Entries [start, stop) and where to search next."""

    start: int
    stop: int
    hint: int


@dataclass(slots=True, eq=False)
class Table:
    """The part `span` of a window, of which entry 0 translates the first I/O page.

    window_base: base of the window whose LIOBN this is; the part may start above it. freed: nobody may use
    it any more.
    """

    liobn: Liobn
    span: Span[BusAddress]
    page_shift: PageShift
    window_base: BusAddress
    taken: EntryMap = field(default_factory=EntryMap)
    reserved: list[Span[int]] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    large: Pool = field(default_factory=lambda: Pool(0, 0, 0))
    freed: bool = False

    @property
    def offset(self) -> int:
        """Number of its first I/O page on the bus. Linux: it_offset."""
        return self.span.start >> self.page_shift

    @property
    def entries(self) -> int:
        """Number of entries. Linux: it_size."""
        return self.span.size >> self.page_shift

    def address(self, entry: int) -> BusAddress:
        """The bus address that an entry translates."""
        return BusAddress((self.offset + entry) << self.page_shift)

    def allocated(self) -> list[Span[int]]:
        """The taken entries without the reservations, as ranges of window indices."""
        first = (self.span.start - self.window_base) >> self.page_shift
        spans = []
        for start, stop in self.taken.spans():
            at, end = start, min(stop, self.entries)
            for r in self.reserved:  # in order; a mapping on either side of one makes a single range with it
                if at < r.stop and r.start < end:
                    if at < r.start:
                        spans.append(Span(first + at, first + r.start))
                    at = r.stop
            if at < end:
                spans.append(Span(first + at, first + end))
        return spans

    def view(self) -> GuestTable:
        """What the judge may see."""
        return GuestTable(self.liobn, Span(self.address(0), self.address(self.entries)), self.allocated())


def in_use(table: Table) -> bool:
    """Whether an entry other than a reserved one is taken. Linux: iommu_table_in_use()."""
    return table.taken.any() and bool(table.allocated())


def init_table(kernel: "Kernel", table: Table, mmio32: Span[BusAddress] | None) -> bool:
    """Lay the table out and clear it; False when memory for its map is not to be had. Linux: iommu_init_table()."""
    # PARAMETERS
    entries, page_shift = word(table.entries), word(table.page_shift)

    # CHECKS
    if not kernel.port.allocate("bitmap"):
        return False

    # EFFECT
    for reserved in kernel.reserved_entries(table, mmio32):
        table.reserved.append(reserved)
        table.taken.take(reserved.start, reserved.size)
    pools = kernel.pool_layout(entries, page_shift)
    number, size = int(pools.number), int(pools.size)
    top = number * size
    table.pools = [Pool(k * size, (k + 1) * size, k * size) for k in range(number)]
    table.large = Pool(top, table.entries, top)
    kernel.take_over(table)

    # RETURN
    return True


def clear_table(kernel: "Kernel", table: Table) -> None:
    """Clear what firmware may have left; what it will not clear is never handed out. Linux: iommu_table_clear()."""
    left = kernel.clear_entries(table.liobn, table.address(0), table.page_shift, table.entries)
    for refused in left:
        table.taken.take(refused.start, refused.size)


def reserved_entries(kernel: "Kernel", table: Table, mmio32: Span[BusAddress] | None) -> list[Span[int]]:
    """Entries never to be handed out: bus page 0, and what the PHB forwards to MMIO. Linux: iommu_table_reserve_pages()."""
    spans = [Span(0, 1)] if table.offset == 0 else []
    if mmio32 is not None:
        reserved = kernel.mmio_entries(
            word(table.span.start), word(table.entries), word(table.page_shift), word(mmio32.start), word(mmio32.stop)
        )
        if reserved.start < reserved.stop:
            spans.append(Span(int(reserved.start), int(reserved.stop)))
    return spans
