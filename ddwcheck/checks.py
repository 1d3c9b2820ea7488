# SPDX-License-Identifier: GPL-2.0-or-later
"""The invariants as checks of an outcome, and violations as its findings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from conformance.kernel.places import Place, definition
from ddwcheck.outcome import Check
from ddwcheck.story import entry
from model.invariants import INVARIANTS
from model.invariants.registry import GUEST_CRASH
from model.run import Done


def invariants(times: Mapping[str, int], boots: int) -> Iterator[Check]:
    """Every invariant with how often it was applied; whether the guest went on is asked at each boot."""
    for invariant in INVARIANTS.values():
        yield Check(invariant.id, invariant.sentence, times.get(invariant.id, 0))
    yield Check(GUEST_CRASH, "The guest must not crash.", boots)


def value(number: int | str) -> str:
    """Hex and decimal of a number; words as they are."""
    return number if isinstance(number, str) else f"{number:#x} ({number:d})"


def where(root: Path, last: Place | None, history: Sequence[Done]) -> Place | None:
    """The line of the last call that the last event made, or where the function begins that decides what it comes to."""
    if last is not None or not history:
        return last
    told = entry(type(history[-1].step.event))
    return definition(root, told.file, told.functions)
