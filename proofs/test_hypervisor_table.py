# SPDX-License-Identifier: GPL-2.0-or-later
"""A table kept as ranges: what is joined says what its parts said. Rules: `model.hypervisor.table`."""

from typing import Any

from model.hypervisor import table
from model.interfaces import TceSpan
from model.words import word
from proofs.case import Case, Claim, assumption, negate
from proofs.obligation import Scope, obligation

STEP = 1 << 16
"""An I/O page of 64 KB, by which TCEs of neighbouring memory differ."""
MOST_ENTRIES = 1 << 40
"""Entries of a table, at most."""
LOW = 1 << 62
"""What a TCE is below, so that those that follow it in a range are words."""


def holds(run: TceSpan, index: Any) -> Any:
    """Whether a range has an entry."""
    return (run.start <= index) & (index < run.stop)


def value(run: TceSpan, index: Any) -> Any:
    """What a range says of an entry that it has."""
    return run.tce + (index - run.start) * run.step


class RangesCase(Case):
    """Two ranges of a table, and any entry."""

    def declare(self) -> None:
        """Declare the ranges and the entry."""
        self.one, self.two = self.range("one"), self.range("two")
        self.index = self.word("index")

    def range(self, name: str) -> Any:
        """Any range, of TCEs that go up."""
        return TceSpan(self.word(f"{name}_start"), self.word(f"{name}_stop"), self.word(f"{name}_tce"), word(STEP))

    def or_equal(self, run: Any, name: str) -> Any:
        """The range, or one of equal TCEs."""
        return run._replace(step=word(0)) if self.flag(name) else run

    @assumption
    def ranges_are_real(self) -> Any:
        """Ranges have an entry each and lie within 2^40; TCEs are not 0 and below 2^62."""
        real: Any = self.index < MOST_ENTRIES
        for run in (self.one, self.two):
            real = real & (run.start < run.stop) & (run.stop <= MOST_ENTRIES) & (run.tce > 0) & (run.tce < LOW)
        return real


def whatever_meets(before: TceSpan, after: TceSpan) -> Any:
    """Wrong: neighbours are one whatever they hold."""
    return before.stop == after.start


def step_is_not_looked_at(before: TceSpan, after: TceSpan) -> Any:
    """Wrong: neighbours are one if the next TCE fits, though it goes on in another way."""
    return (before.stop == after.start) and after.tce == value(before, before.stop)


@obligation(
    supports="mapping-translates",
    about=table.continues,
    mutant=(whatever_meets, step_is_not_looked_at),
    scope=Scope.BOUNDED,
)
def ranges_that_are_joined_say_what_they_said(c: RangesCase) -> Claim:
    """Two ranges become one only if that says of each of their entries what they said (bounded: 64 KB pages)."""
    assume = [c.ranges_are_real]
    one, two = c.or_equal(c.one, "first_equal"), c.or_equal(c.two, "second_equal")
    if not c.rule(one, two):
        return c.claim(assume=assume, cover={"kept apart": c.one.stop == c.two.start}, goal=True)
    both, cover = TceSpan(one.start, two.stop, one.tce, one.step), {"joined": c.two.tce > c.one.tce}
    said = next((run for run in (one, two) if holds(run, c.index)), None)
    if said is None:
        return c.claim(assume=assume, cover=cover, goal=negate(holds(both, c.index)))
    return c.claim(assume=assume, cover=cover, goal=value(both, c.index) == value(said, c.index))
