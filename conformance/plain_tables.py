# SPDX-License-Identifier: GPL-2.0-or-later
"""Table and memory of the plain hypervisor: one entry per TCE, one scan per question."""

from collections.abc import Iterator, Sequence

from model.hypervisor.memory import Memory
from model.hypervisor.table import TceTable
from model.interfaces import TceSpan
from model.types import CONTROL, PhysAddr, Span, Tce


class PlainTable(TceTable):
    """The entries of one window that are not 0, one by one. It inherits `TceTable`'s signatures, no code."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.entries: dict[int, Tce] = {}

    def __getitem__(self, index: int) -> Tce:
        return self.entries.get(index, Tce(0))

    def __len__(self) -> int:
        """Number of entries held."""
        return len(self.entries)

    def set(self, index: int, tce: Tce) -> None:
        """Store one entry."""
        if tce:
            self.entries[index] = tce
        else:
            self.entries.pop(index, None)

    def spans(self, start: int, stop: int) -> Iterator[TceSpan]:
        """The entries that are not zero in [start, stop), each by itself."""
        few = stop - start < len(self.entries)
        for index in range(start, stop) if few else sorted(self.entries):
            if index in self.entries and start <= index < stop:
                yield TceSpan(index, index + 1, self.entries[index], 0)

    def valid(self) -> bool:
        """Whether any entry grants access."""
        return any(tce & CONTROL for tce in self.entries.values())

    def write(self, start: int, tces: Sequence[Tce]) -> None:
        """Store a list of entries."""
        for offset, tce in enumerate(tces):
            self.set(start + offset, Tce(tce))

    def fill(self, start: int, tce: Tce, step: int, count: int) -> None:
        """Store entries that go up by `step`."""
        for offset in range(count):
            self.set(start + offset, Tce(tce + offset * step))


class PlainMemory(Memory):
    """The ranges that were assigned, as they came."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.ranges: list[Span[PhysAddr]] = []

    def assign(self, span: Span[PhysAddr]) -> None:
        """Add a range."""
        self.ranges.append(span)

    def release(self, span: Span[PhysAddr]) -> None:
        """Take a range away: what is left of each range before and behind it."""
        pieces = [Span(r.start, min(r.stop, span.start)) for r in self.ranges]
        pieces += [Span(max(r.start, span.stop), r.stop) for r in self.ranges]
        self.ranges = [piece for piece in pieces if piece.start < piece.stop]

    def owns(self, start: int, size: int) -> bool:
        """Whether every byte of [start, start + size) belongs to the partition."""
        at = start
        while at < start + size:
            holder = next((r for r in self.ranges if r.start <= at < r.stop), None)
            if holder is None:
                return False
            at = holder.stop
        return True

    def first_foreign(self, start: int, page: int, count: int, checked: int) -> int:
        """The first page that is not owned, page by page."""
        return next((k for k in range(count) if not self.owns(start + k * page, checked)), count)
