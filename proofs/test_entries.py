# SPDX-License-Identifier: GPL-2.0-or-later
"""The allocator's map, kept as ranges, is one bit an entry. Rules: `model.guest.bitmap`."""

from typing import Any

from model.guest.bitmap import EntryMap
from model.types import Span
from proofs.case import Case, Claim, assumption, negate
from proofs.obligation import Scope, obligation

MOST_ENTRIES = 1 << 40
"""Entries of a table, at most."""


def holds(span: Any, entry: Any) -> Any:
    """Whether a range has an entry."""
    return (span.start <= entry) & (entry < span.stop)


class MapCase(Case):
    """A map with two ranges of taken entries, entries that are taken, and any entry."""

    def declare(self) -> None:
        """Declare the ranges, the first of the entries and where they end, and an entry."""
        self.one, self.two = (Span(self.word(f"{n}_start"), self.word(f"{n}_stop")) for n in ("one", "two"))
        self.start, self.stop, self.entry = self.word("start"), self.word("stop"), self.word("entry")
        self.count = self.stop - self.start

    @assumption
    def map_is_real(self) -> Any:
        """The ranges have an entry each, do not meet, and lie with all else within 2^40."""
        order = (self.one.start < self.one.stop) & (self.one.stop < self.two.start) & (self.two.start < self.two.stop)
        low = (self.two.stop <= MOST_ENTRIES) & (self.stop <= MOST_ENTRIES) & (self.start < self.stop)
        return order & low

    @property
    def map(self) -> EntryMap:
        """The map."""
        entries = EntryMap()
        entries._taken = [self.one, self.two]
        return entries

    def has(self, entries: EntryMap) -> Any:
        """Whether the entry is taken."""
        taken: Any = False
        for span in entries.spans():
            taken = taken | holds(span, self.entry)
        return taken

    @property
    def named(self) -> Any:
        """Whether the entry is one of those that are taken or freed."""
        return (self.start <= self.entry) & (self.entry < self.stop)

    @property
    def was_taken(self) -> Any:
        """Whether the entry was taken."""
        return holds(self.one, self.entry) | holds(self.two, self.entry)


def forgets_what_was(entries: EntryMap, start: Any, count: Any) -> None:
    """Wrong: a range that is met is replaced instead of widened."""
    entries.free(start, count)
    before = [span for span in entries._taken if span.stop < start]
    entries._taken = [*before, Span(start, start + count)]


@obligation(supports="bitmap-matches-tces", about=EntryMap.take, mutant=forgets_what_was, scope=Scope.BOUNDED)
def a_map_of_ranges_takes_what_a_map_of_bits_would(c: MapCase) -> Claim:
    """After entries are taken, an entry is taken just if it is one of them or was before (bounded: two ranges)."""
    entries = c.map
    c.rule(entries, c.start, c.count)
    return c.claim(
        assume=[c.map_is_real],
        cover={"between the two": c.named & negate(c.was_taken)},
        goal=(c.named | c.was_taken) == c.has(entries),
    )
