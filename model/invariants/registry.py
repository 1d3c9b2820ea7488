# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of invariants and the judge that applies them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from model.events import Ending
from model.invariants.scene import Scene
from model.types import BusAddress, Span


@dataclass(frozen=True, slots=True)
class Violation:
    """One failure. expected, observed: the first difference, in words or as a value. device: None if it has none.

    at: the bus addresses that are wrong: of TCEs, a handle or a whole window; one address stands for the I/O page that holds
    it. None if it is about none.
    """

    invariant: str
    message: str
    expected: int | str
    observed: int | str
    device: int | None = None
    at: Span[BusAddress] | None = None


@dataclass(frozen=True, slots=True)
class Invariant:
    """An invariant: `check` is applied to each subject that `over` finds in a scene.

    inside: whether it holds in the middle of other events too; its note says why if not.
    """

    id: str
    sentence: str
    over: Callable[[Scene], Iterable[Any]]
    check: Callable[[Scene, Any], Violation | None]
    note: str = ""
    inside: bool = True


INVARIANTS: dict[str, Invariant] = {}
"""All invariants by id, in the order in which they are applied: the call, the event, mappings, the whole state."""

GUEST_CRASH = "guest-crash"
"""The id of a verdict that is no invariant: the guest did what would crash a kernel."""

S = TypeVar("S")


def invariant(
    id: str, over: Callable[[Scene], Iterable[S]], note: str = "", inside: bool = True
) -> Callable[[Callable[[Scene, S], Violation | None]], Callable[[Scene, S], Violation | None]]:
    """Register a predicate; its docstring is the sentence."""

    def register(check: Callable[[Scene, S], Violation | None]) -> Callable[[Scene, S], Violation | None]:
        sentence = " ".join((check.__doc__ or "").split())
        INVARIANTS[id] = Invariant(id, sentence, over, check, note, inside)
        return check

    return register


def judge(scene: Scene, counts: Counter[str]) -> list[Violation]:
    """Apply every invariant; the first violation of each that fails. `counts` learns how many subjects each had."""
    if scene.crash is not None:
        ended = scene.ledger.mappings[scene.event.mapping] if isinstance(scene.event, Ending) else None
        at = ended.first if ended else None
        return [Violation(GUEST_CRASH, scene.crash, "the guest goes on", scene.crash, at=at)]
    violations = []
    for item in INVARIANTS.values():
        if scene.inside and not item.inside:
            continue
        for subject in item.over(scene):
            counts[item.id] += 1
            violation = item.check(scene, subject)
            if violation is not None:
                violations.append(violation)
                break
    return violations
