# SPDX-License-Identifier: GPL-2.0-or-later
"""What an obligation is a run of: free inputs, named assumptions about them, the rule, and the claim at its end.

A case runs on bit-vectors to be proved and on ints to replay a counterexample, so its words are typed Any.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from model.guest.kernel import Kernel
from model.words import Word, word

Condition = Any
"""A bool on ints, a `proofs.symbolic.Condition` on bit-vectors."""


class Inputs(Protocol):
    """Where a case has its free inputs from."""

    def word(self, name: str) -> Any:
        """A 64-bit word; the same name is the same word."""

    def flag(self, name: str) -> Any:
        """A truth value."""

    def take_sides(self, count: int) -> list[Any]:
        """The side obligations recorded since there were `count`, no longer among the run's."""

    def count_sides(self) -> int:
        """How many side obligations the run has."""


@dataclass(frozen=True)
class Values:
    """Inputs that are ints: a counterexample to be replayed. What it does not name is 0."""

    values: Mapping[str, int]

    def word(self, name: str) -> Word:
        """The named value."""
        return Word(self.values.get(name, 0))

    def flag(self, name: str) -> bool:
        """The named value as a truth value."""
        return bool(self.values.get(name, 0))

    def take_sides(self, count: int) -> list[Any]:
        """None: ints raise WordError instead."""
        return []

    def count_sides(self) -> int:
        """None."""
        return 0


class Assumption(NamedTuple):
    """What an obligation takes for granted. name: the case's property that states it.

    sides: what must follow from the assumptions before it; else one that wraps could be false where it seems true.
    """

    name: str
    sentence: str
    holds: Condition
    sides: list[Any]


class Claim(NamedTuple):
    """`goal` follows from `assume`, and each condition in `cover` is possible under `assume`."""

    assume: list[Assumption]
    cover: Mapping[str, Condition]
    goal: Condition


class Case:
    """One run. A subclass declares its inputs in `declare` and states assumptions as `@assumption` methods.

    kernel: the guest whose rules the claim asks beside the one it is about; a release has its own.
    """

    def __init__(self, inputs: Inputs, rule: Callable[..., Any], kernel: type[Kernel] = Kernel) -> None:
        """Run a rule on some inputs."""
        self.inputs = inputs
        self.kernel: Any = kernel
        self.rule_ran = False
        self._rule = rule
        self.declare()

    def declare(self) -> None:
        """Give the case its inputs."""

    def word(self, name: str) -> Any:
        """A free 64-bit word: an input, or something a claim makes for all of its kind."""
        return self.inputs.word(name)

    def flag(self, name: str) -> Any:
        """A free truth value."""
        return self.inputs.flag(name)

    def choice(self, name: str, choices: Sequence[int]) -> Any:
        """A free word that is one of some numbers: a run for each, in which shifts by it cost the solver nothing."""
        value = self.word(name)
        return next((word(choice) for choice in choices[:-1] if value == choice), word(choices[-1]))

    def rule(self, *operands: Any) -> Any:
        """The rule that the obligation is about, or a mutant in its place."""
        self.rule_ran = True
        return self._rule(*operands)

    def claim(self, assume: list[Assumption], cover: Mapping[str, Condition], goal: Condition) -> Claim:
        """What the run ends with; ValueError if it could not fail or nothing would show that it says something."""
        if not self.rule_ran:
            raise ValueError("the obligation never ran its rule")
        if not cover:
            raise ValueError("the obligation has no cover goal")
        return Claim(assume, cover, goal)


def assumption(predicate: Callable[[Any], Condition]) -> Any:
    """A property of a case that is an Assumption: named like the method, its docstring is the sentence.

    It must be a matter of the inputs alone: what is assumed of a rule's result would hide that the rule is wrong.
    """
    sentence = " ".join((predicate.__doc__ or "").split())

    def stated(case: Case) -> Assumption:
        forbidden, case._rule = case._rule, _not_here
        before = case.inputs.count_sides()
        try:
            holds = predicate(case)
            return Assumption(predicate.__name__, sentence, holds, case.inputs.take_sides(before))
        finally:
            case._rule = forbidden

    return property(stated)


def _not_here(*_: Any) -> Any:
    raise ValueError("an assumption ran the rule")


def negate(condition: Condition) -> Condition:
    """`not` as data; on a bool, Python's `~` would answer an int."""
    return not condition if isinstance(condition, bool) else ~condition


def implies(condition: Condition, consequence: Condition) -> Condition:
    """`consequence` wherever `condition` holds; both are worked out everywhere."""
    return negate(condition) | consequence


def one_of(value: Any, choices: tuple[int, ...]) -> Condition:
    """Whether a word is one of some numbers."""
    found: Condition = False
    for choice in choices:
        found = found | (value == choice)
    return found
