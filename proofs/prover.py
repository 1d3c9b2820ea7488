# SPDX-License-Identifier: GPL-2.0-or-later
"""From a claim to a verdict: not vacuous, then for each path no counterexample, and every model replayed on ints."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import z3

from model.guest.kernel import Kernel
from proofs import drat, second
from proofs.case import Case, Claim, Values
from proofs.symbolic import RLIMIT, Budget, Condition, Path, Run, Side, SymbolicWord, Undecided, explore

Rule = Callable[..., Any]

RLIMIT_OF_A_BIT = 3_000_000
"""z3 resource units to find out whether a counterexample with one bit less exists; some second."""


class Verdict(StrEnum):
    """How a proof may end; only PROVED is green."""

    PROVED = "PROVED"
    REFUTED = "REFUTED"
    VACUOUS = "VACUOUS"
    UNKNOWN = "UNKNOWN"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Proof:
    """The verdict on one rule. counterexample: inputs that refute it, the smallest if `smallest` says so: the first input
    as small as may be, then the second, and so on.

    confirmed: how many questions each further solver confirms. covers: inputs that reach each cover goal. used: the
    sentences of the assumptions that the proof needs, by name; unused: those without each of which it goes through.
    rlimit: z3 resource units used, a measure that does not depend on the machine. paths: ways through the rule.
    """

    verdict: Verdict
    detail: str = ""
    counterexample: Mapping[str, int] = field(default_factory=dict)
    smallest: bool = False
    covers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    confirmed: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    rlimit: int = 0
    paths: int = 0


class Theorem(NamedTuple):
    """What to prove: the claim that `body` makes of a case, which runs `rule`.

    covers: whether each cover goal must be possible; not asked of a mutant, which may never get there. second: whether
    a checked proof of cadical's, and bitwuzla, must agree with each answer of z3 that a proof rests on. kernel: whose
    rules run beside it. seed: z3's.
    """

    body: Callable[[Any], Claim]
    case: type[Case]
    rule: Rule
    covers: bool = True
    second: bool = False
    kernel: type[Kernel] = Kernel
    seed: int = 0


def prove(theorem: Theorem, rlimit: int = RLIMIT) -> Proof:
    """The verdict. rlimit: z3 resource units that it may use in all; UNKNOWN where they do not suffice."""
    attempt = _Attempt(theorem, Budget(rlimit, theorem.seed))
    try:
        proof = attempt.run()
    except Undecided as reason:
        proof = Proof(Verdict.UNKNOWN, f"no answer: {reason}")
    except Exception:
        proof = Proof(Verdict.ERROR, traceback.format_exc())
    return replace(proof, rlimit=attempt.budget.used, paths=len(attempt.paths))


class Replay(NamedTuple):
    """A theorem run on ints. false: assumptions that do not hold. claim: None if the run ended with `error`."""

    false: list[str]
    claim: Claim | None
    error: str

    @property
    def refutes(self) -> bool:
        """Whether all that is assumed is true, and the goal is false or has no meaning in C."""
        return not self.false and (self.claim is None or self.claim.goal is False)

    def covers(self, name: str) -> bool:
        """Whether all that is assumed is true, and so are the goal and that condition."""
        claim = self.claim
        return not self.false and claim is not None and claim.goal is True and claim.cover[name] is True


def on_ints(theorem: Theorem, values: Mapping[str, int], assumed: list[str]) -> Replay:
    """Run a theorem on `model.words.Word`. assumed: names of its assumptions, judged even if the run ends early."""
    case = theorem.case(Values(values), theorem.rule, theorem.kernel)
    false = [name for name in assumed if getattr(case, name).holds is not True]
    try:
        return Replay(false, theorem.body(case), "")
    except ArithmeticError as error:
        return Replay(false, None, f"{type(error).__name__}: {error}")


class _Inputs(NamedTuple):
    """The free inputs of a symbolic run; `seen` learns them by name."""

    run: Run
    seen: dict[str, Any]

    def word(self, name: str) -> SymbolicWord:
        word = self.run.word(name)
        self.seen[name] = word.expression
        return word

    def flag(self, name: str) -> Condition:
        flag = self.run.flag(name)
        self.seen[name] = flag.expression
        return flag

    def take_sides(self, count: int) -> list[Side]:
        taken = self.run.sides[count:]
        del self.run.sides[count:]
        return taken

    def count_sides(self) -> int:
        return len(self.run.sides)


@dataclass
class _Attempt:
    """One attempt at a proof."""

    theorem: Theorem
    budget: Budget
    paths: list[Path[Claim]] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    witnesses: dict[str, tuple[Path[Claim], dict[str, int]]] = field(default_factory=dict)
    confirmed: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0

    def run(self) -> Proof:
        self.paths = explore(self._claim, self.budget)
        problem = self._meaningless()
        if problem:
            return Proof(Verdict.ERROR, problem)
        return self._vacuous() or self._judge()

    def _claim(self, run: Run) -> Claim:
        return self.theorem.body(self.theorem.case(_Inputs(run, self.inputs), self.theorem.rule, self.theorem.kernel))

    def _meaningless(self, dropped: str = "") -> str:
        """Which assumption wraps or shifts too far, though those before it hold; empty if none does."""
        for path in self.paths:
            proved: list[Any] = []
            for assumed in (a for a in path.result.assume if a.name != dropped):
                for side in assumed.sides:
                    if self._satisfy([*path.conditions, *proved, z3.Not(side.holds)]) is not None:
                        return f"the assumption {assumed.name} has no meaning: {side.what}"
                    proved.append(side.holds)
                proved.append(self._expression(assumed.holds))
        return ""

    def _vacuous(self) -> Proof | None:
        """Assumptions that contradict each other, or a cover goal that no input reaches; None if all is well."""
        if all(self._find(path, True) is None for path in self.paths):
            return Proof(Verdict.VACUOUS, "the assumptions contradict each other")
        names = dict.fromkeys(name for path in self.paths for name in path.result.cover)
        for name in names if self.theorem.covers else ():
            tried = ((path, self._find(path, path.result.cover.get(name, False))) for path in self.paths)
            witness = next(((path, values) for path, values in tried if values is not None), None)
            if witness is None:
                return Proof(Verdict.VACUOUS, f"no input is covered by: {name}")
            self.witnesses[name] = witness
        return None

    def _judge(self) -> Proof:
        """PROVED if no path has a counterexample and the covers are what they seem on ints too."""
        failure = self._failure()
        if failure is not None:
            return self._refuted(*failure)
        for name, (path, values) in self.witnesses.items():
            if not self._replay(path, values).covers(name):
                return Proof(Verdict.ERROR, f"on ints {values} is not covered by: {name}")
        stated = {a.name: a.sentence for path in self.paths for a in path.result.assume}
        unused = tuple(name for name in stated if not self._meaningless(name) and self._failure(name) is None)
        return Proof(
            Verdict.PROVED,
            f"bitwuzla has no answer to {self.unanswered} questions, cadical's proof alone confirms"
            * (self.unanswered > 0),
            confirmed=self.confirmed,
            covers={name: values for name, (_, values) in self.witnesses.items()},
            used={name: sentence for name, sentence in stated.items() if name not in unused},
            unused=unused,
        )

    def _failure(self, dropped: str = "") -> tuple[Path[Claim], dict[str, int]] | None:
        """A path and inputs on which an operation has no meaning in C or the goal is false; None if there are none.

        dropped: name of an assumption to do without.
        """
        for path in self.paths:
            proved: list[Any] = []
            for step in (*(side.holds for side in path.sides), self._expression(path.result.goal)):
                values = self._find(path, z3.Not(step), proved, dropped)
                if values is not None:
                    return path, values
                if self.theorem.second and not dropped:
                    self._confirm([*path.conditions, *self._assumed(path, dropped), *proved, z3.Not(step)])
                proved.append(step)  # in the order of the run, each step helps to prove the next
        return None

    def _refuted(self, path: Path[Claim], values: dict[str, int]) -> Proof:
        if not self._replay(path, values).refutes:
            return Proof(Verdict.ERROR, f"on ints {values} is no counterexample: {self._replay(path, values)}")
        path, values, smallest = self._smallest()
        replayed = self._replay(path, values)
        if not replayed.refutes:
            return Proof(Verdict.ERROR, f"on ints {values} is no counterexample: {replayed}")
        shown = ", ".join(f"{name} = {value:#x} ({value})" for name, value in values.items())
        return Proof(Verdict.REFUTED, f"{replayed.error or 'the goal is false'} at {shown}", values, smallest)

    def _smallest(self) -> tuple[Path[Claim], dict[str, int], bool]:
        """The smallest counterexample on any path, and whether it is shown to be: input by input, bit by bit from the top."""
        solver = self.budget.solver()
        solver.add(z3.Or([self._refuting(path) for path in self.paths]))
        solver.set("rlimit", self.budget.rlimit)
        if not self.budget.check(solver):
            raise AssertionError("a counterexample of one path is none of all")
        values, shown = self._values(solver.model()), True
        solver.set("rlimit", RLIMIT_OF_A_BIT)
        for name, free in ((name, self._as_bits(free)) for name, free in self.inputs.items()):
            for bit in reversed(range(free.size())):
                clear = z3.Extract(free.size() - 1, bit, free) == values[name] >> bit & -2
                if values[name] >> bit & 1:
                    answer = solver.check(clear)
                    shown &= answer != z3.unknown
                    if answer != z3.sat:
                        continue
                    values = self._values(solver.model())
            solver.add(free == values[name])
        solver.set("rlimit", self.budget.rlimit)
        path = next(path for path in self.paths if solver.check(*path.conditions) == z3.sat)
        return path, values, shown

    def _as_bits(self, free: Any) -> Any:
        context = self.budget.context
        return z3.If(free, z3.BitVecVal(1, 1, context), z3.BitVecVal(0, 1, context)) if z3.is_bool(free) else free

    def _refuting(self, path: Path[Claim]) -> Any:
        """What holds of the inputs that take a path and refute the theorem there."""
        sound = [*(side.holds for side in path.sides), self._expression(path.result.goal)]
        return z3.And(*path.conditions, *self._assumed(path, ""), z3.Not(z3.And(sound)))

    def _replay(self, path: Path[Claim], values: dict[str, int]) -> Replay:
        return on_ints(self.theorem, values, [a.name for a in path.result.assume])

    def _find(
        self, path: Path[Claim], wanted: Any, proved: Iterable[Any] = (), dropped: str = ""
    ) -> dict[str, int] | None:
        """Inputs that take a path, meet its assumptions but `dropped`, and what is wanted; None if there are none.

        proved: what is known to follow from these.
        """
        return self._satisfy([*path.conditions, *self._assumed(path, dropped), *proved, self._expression(wanted)])

    def _assumed(self, path: Path[Claim], dropped: str) -> list[Any]:
        return [self._expression(a.holds) for a in path.result.assume if a.name != dropped]

    def _confirm(self, conditions: list[Any]) -> None:
        """Ask two more what z3 has found impossible. Disagreement if one finds it possible.

        Undecided unless cadical's proof confirms it; what bitwuzla gives no answer to is counted.
        """
        text = second.text_of(conditions, self.budget.context)
        said = {"cadical": drat.answer(conditions, self.budget.context), "bitwuzla": second.answer(text)}
        if "sat" in said.values():
            raise second.Disagreement(f"{said}: {text}")
        if said["cadical"] != "unsat":
            raise Undecided(f"cadical says {said['cadical']}")
        self.confirmed.update(name for name, answer in said.items() if answer == "unsat")
        self.unanswered += said["bitwuzla"] != "unsat"

    def _satisfy(self, conditions: list[Any]) -> dict[str, int] | None:
        """Inputs that meet all conditions; None if there are none."""
        solver = self.budget.solver()
        solver.add(*conditions)
        if not self.budget.check(solver):
            return None
        return self._values(solver.model())

    def _values(self, model: Any) -> dict[str, int]:
        """The inputs in a model."""
        bits = {name: model.eval(free, model_completion=True) for name, free in self.inputs.items()}
        return {name: int(z3.is_true(b)) if z3.is_bool(b) else b.as_long() for name, b in bits.items()}

    def _expression(self, condition: Any) -> Any:
        """A z3 expression of what a claim holds; TypeError for anything but a truth value."""
        if isinstance(condition, Condition):
            return condition.expression
        if isinstance(condition, bool):
            return z3.BoolVal(condition, ctx=self.budget.context)
        if z3.is_bool(condition):
            return condition
        raise TypeError(f"a claim holds {condition!r}, which is no condition")
