# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose line is it: the devices of a log, and each try to give one of them a window. Linux: enable_ddw()."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ddwcheck.log_lines import (
    DEFAULT_REMOVED,
    IN_USE,
    NO_PAGE_SIZE,
    NO_WINDOW,
    NOT_LIMITED,
    VPMEM,
    CannotMap,
    Create,
    Created,
    Fact,
    Limit,
    Line,
    Note,
    Query,
    Remove,
    Reset,
    Summary,
)

F = TypeVar("F", Query, Create, Reset, Remove, CannotMap, Created, Summary, Limit)


@dataclass(slots=True)
class Attempt:
    """One run through enable_ddw() as far as the log shows it, and what is said of its window later."""

    lines: list[Line] = field(default_factory=list)

    def all(self, kind: type[F]) -> list[F]:
        """The facts of one kind, in the log's order."""
        return [line.fact for line in self.lines if isinstance(line.fact, kind)]

    def one(self, kind: type[F]) -> F | None:
        """The last fact of a kind, None if there is none."""
        facts = self.all(kind)
        return facts[-1] if facts else None

    def notes(self, what: str) -> bool:
        """Whether the log says it."""
        return Note(what) in (line.fact for line in self.lines)

    def where(self, fact: Fact) -> int:
        """The number of a fact's line."""
        return next(line.number for line in self.lines if line.fact is fact)

    @property
    def ended(self) -> bool:
        """Whether enable_ddw() has come to its end; a later query belongs to another try."""
        refused = any(self.notes(what) for what in (IN_USE, NO_PAGE_SIZE, NO_WINDOW, NOT_LIMITED))
        return bool(self.all(Create) or self.all(Summary)) or refused

    @property
    def limited(self) -> bool:
        """Whether limited addressing was asked for: the mask has less than 64 bits."""
        asked = any(summary.required for summary in self.all(Summary)) or self.notes(NOT_LIMITED)
        return asked or any(reset.limited for reset in self.all(Reset))

    @property
    def vpmem(self) -> bool:
        """Whether the log says that there is vPMEM. Where there is a limit there may be none: releases set it for RAM."""
        return self.notes(VPMEM)

    @property
    def gave_up_default(self) -> bool | None:
        """Whether the default window was given up for this one; None if the log leaves it open.

        Giving it up takes a query that offers no window, and a second one after the removal.
        """
        if self.notes(DEFAULT_REMOVED):
            return True
        queries = self.all(Query)
        if not queries or (len(queries) > 1 and queries[-1].windows is None):
            return None
        return any(query.windows == 0 and query.status == 0 for query in queries[-2:])


@dataclass(slots=True)
class Device:
    """A PCI function, by its name and the unit id of its PHB (None while no line has named it)."""

    driver: str
    pci: str
    buid: int | None
    attempts: list[Attempt] = field(default_factory=list)

    def take(self, line: Line) -> None:
        """One more line of this device."""
        current = self.attempts[-1] if self.attempts else None
        fact = line.fact
        fresh = current is None or (isinstance(fact, Query) and current.ended)
        if current is not None and isinstance(fact, Create):
            fresh = bool(current.all(Create) or current.all(Summary))
        if fresh:
            self.attempts.append(Attempt())
        self.attempts[-1].lines.append(line)
        if line.driver != "pci" or not self.driver:
            self.driver = line.driver or self.driver


@dataclass(slots=True)
class Devices:
    """What a log says, device by device. loose: removals that belong to none of them."""

    devices: list[Device] = field(default_factory=list)
    loose: list[Line] = field(default_factory=list)

    def take(self, line: Line) -> None:
        """Give a line to its device."""
        fact = line.fact
        if line.pci is None:
            assert isinstance(fact, Remove)
            owner = self._owner(fact)
            if owner is None:
                self.loose.append(line)
            else:
                owner.take(line)
            return
        buid = fact.buid if isinstance(fact, Query | Create | Reset) else None
        known = (d for d in reversed(self.devices) if d.pci == line.pci)
        device = next((d for d in known if buid is None or d.buid in (None, buid)), None)
        if device is None:
            device = Device(line.driver, line.pci, buid)
            self.devices.append(device)
        device.buid = device.buid if buid is None else buid
        device.take(line)

    def _owner(self, fact: Remove) -> Device | None:
        """The device whose window it was, or else the last one below that PHB that is being given a window."""
        for device in reversed(self.devices):
            if any(create.liobn == fact.liobn for attempt in device.attempts for create in attempt.all(Create)):
                return device
        return next((d for d in reversed(self.devices) if fact.buid is not None and d.buid == fact.buid), None)


def group(lines: Iterable[Line]) -> Devices:
    """All lines of one log, by device."""
    found = Devices()
    for line in lines:
        found.take(line)
    return found
