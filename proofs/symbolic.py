# SPDX-License-Identifier: GPL-2.0-or-later
"""The bit-vector twin of `model.words.Word`, and the driver that runs a function once for each feasible path.

A comparison of symbolic words is a Condition. Where Python asks for its truth, the run takes one side and the driver
runs the function again for the other side, if the solver finds it possible. What an int Word answers with WordError
(an undefined shift, a wrapped result) does not end a symbolic run: it is recorded as a side obligation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import z3

from model.words import BITS, LIMIT

RLIMIT = 30_000_000
"""z3 resource units for one exploration or proof; some ten seconds."""

T = TypeVar("T")


class Undecided(Exception):
    """The solver gave no answer within its resources; the text is z3's reason."""


class Unrepeatable(Exception):
    """A run did not come to the decisions of the run that it repeats: the function depends on more than its input."""


class Budget:
    """A fresh z3 context and the resources that all its solvers may use together."""

    def __init__(self, rlimit: int = RLIMIT, seed: int = 0) -> None:
        """Start with nothing used. rlimit: z3 resource units. seed: where z3's random choices start."""
        self.context = z3.Context()
        self.rlimit = rlimit
        self.seed = seed
        self.used = 0

    def solver(self) -> Any:
        """A fresh solver for bit-vectors, with whatever resources are left."""
        solver = z3.SolverFor("QF_BV", ctx=self.context)
        solver.set("random_seed", self.seed)
        solver.set("rlimit", max(1, self.rlimit - self.used))  # 0 would mean no limit
        return solver

    def check(self, solver: Any) -> bool:
        """Whether what the solver holds is satisfiable; Undecided if it cannot tell."""
        answer = solver.check()
        self.used = solver.statistics().get_key_value("rlimit count")  # z3 counts per context, over all its solvers
        if answer == z3.unknown:
            raise Undecided(solver.reason_unknown())
        return bool(answer == z3.sat)


class Side(NamedTuple):
    """What must be true for an operation to mean the same on ints. `what`: how it would fail."""

    holds: Any
    what: str


class Decision(NamedTuple):
    """A condition at which a run came to a fork, and the side it took."""

    condition: Any
    taken: bool

    @property
    def expression(self) -> Any:
        """What the side taken says of the inputs."""
        return self.condition if self.taken else z3.Not(self.condition)


@dataclass
class Run:
    """One run of a function. prefix: decisions to repeat; behind them the run finds its own."""

    budget: Budget
    prefix: tuple[Decision, ...] = ()
    decisions: list[Decision] = field(default_factory=list)
    sides: list[Side] = field(default_factory=list)
    alternatives: list[tuple[Decision, ...]] = field(default_factory=list)

    def word(self, name: str) -> "SymbolicWord":
        """A free 64-bit word; the same name is the same word."""
        return SymbolicWord(z3.BitVec(name, BITS, ctx=self.budget.context), self)

    def flag(self, name: str) -> "Condition":
        """A free truth value."""
        return Condition(z3.Bool(name, ctx=self.budget.context), self)

    def must(self, holds: Any, what: str) -> None:
        """Record a side obligation."""
        holds = z3.simplify(holds)
        if not z3.is_true(holds):
            self.sides.append(Side(holds, what))

    def decide(self, condition: Any) -> bool:
        """The truth of a condition on this path; a fork if both are possible. Undecided if the solver cannot tell."""
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return bool(z3.is_true(condition))
        position = len(self.decisions)
        if position < len(self.prefix):
            decision = self.prefix[position]
            if not decision.condition.eq(condition):
                raise Unrepeatable(f"decision {position} was {decision.condition}, now it is {condition}")
        else:
            decision = self._fork(condition)
        self.decisions.append(decision)
        return decision.taken

    def _fork(self, condition: Any) -> Decision:
        yes, no = Decision(condition, True), Decision(condition, False)
        if not self._possible(yes):
            return no  # what holds on the path so far is satisfiable, so one of the two is possible
        if self._possible(no):
            self.alternatives.append((*self.decisions, no))
        return yes

    def _possible(self, decision: Decision) -> bool:
        solver = self.budget.solver()
        solver.add(*(d.expression for d in self.decisions), decision.expression)
        return self.budget.check(solver)


class Path(NamedTuple, Generic[T]):
    """One way through a function. decisions: when it is taken; sides: what must hold on it; result: its answer."""

    decisions: list[Decision]
    sides: list[Side]
    result: T

    @property
    def conditions(self) -> list[Any]:
        """z3 expressions over the inputs that hold together exactly when this path is taken."""
        return [decision.expression for decision in self.decisions]


def explore(function: Callable[[Run], T], budget: Budget) -> list[Path[T]]:
    """Run a function once for each feasible path.

    Undecided if the solver cannot tell whether a path is feasible: a path is never dropped for want of an answer.
    """
    paths = []
    pending: list[tuple[Decision, ...]] = [()]
    while pending:
        run = Run(budget, pending.pop())
        result = function(run)
        if len(run.decisions) < len(run.prefix):
            raise Unrepeatable(f"{len(run.prefix)} decisions, then {len(run.decisions)}")
        paths.append(Path(run.decisions, run.sides, result))
        pending += run.alternatives
    return paths


class Condition:
    """A truth value over the inputs. `&`, `|`, `~`, `==` and `select` are data; `if`, `and`, `not` fork the run."""

    __slots__ = ("expression", "run")

    def __init__(self, expression: Any, run: Run) -> None:
        """Take a z3 expression over the inputs of a run."""
        self.expression = expression
        self.run = run

    def __bool__(self) -> bool:
        return self.run.decide(self.expression)

    def __and__(self, other: "bool | Condition") -> "Condition":
        return Condition(z3.And(self.expression, self._other(other)), self.run)

    __rand__ = __and__

    def __or__(self, other: "bool | Condition") -> "Condition":
        return Condition(z3.Or(self.expression, self._other(other)), self.run)

    __ror__ = __or__

    def __invert__(self) -> "Condition":
        return Condition(z3.Not(self.expression), self.run)

    def __eq__(self, other: object) -> "Condition":  # type: ignore[override]
        return Condition(self.expression == self._other(other), self.run)

    def __ne__(self, other: object) -> "Condition":  # type: ignore[override]
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]

    def select(self, yes: "int | SymbolicWord", no: "int | SymbolicWord") -> "SymbolicWord":
        """`yes` where the condition holds, else `no`."""
        context = self.run.budget.context
        return SymbolicWord(z3.If(self.expression, _bits(yes, context), _bits(no, context)), self.run)

    def _other(self, other: object) -> Any:
        if isinstance(other, Condition):
            return other.expression
        if isinstance(other, bool):
            return z3.BoolVal(other, ctx=self.run.budget.context)
        raise TypeError(f"a condition does not combine with {other!r}")


class SymbolicWord:
    """A 64-bit unsigned word over the inputs, with the operators of `model.words.Word`; ints may stand on any side."""

    __slots__ = ("expression", "run")

    def __init__(self, expression: Any, run: Run) -> None:
        """Take a z3 expression over the inputs of a run."""
        self.expression = expression
        self.run = run

    def __add__(self, other: Any) -> "SymbolicWord":
        return self._apply(_add, self, other)

    def __radd__(self, other: Any) -> "SymbolicWord":
        return self._apply(_add, other, self)

    def __sub__(self, other: Any) -> "SymbolicWord":
        return self._apply(_subtract, self, other)

    def __rsub__(self, other: Any) -> "SymbolicWord":
        return self._apply(_subtract, other, self)

    def __mul__(self, other: Any) -> "SymbolicWord":
        return self._apply(_multiply, self, other)

    def __rmul__(self, other: Any) -> "SymbolicWord":
        return self._apply(_multiply, other, self)

    def __floordiv__(self, other: Any) -> "SymbolicWord":
        return self._apply(_divide, self, other)

    def __rfloordiv__(self, other: Any) -> "SymbolicWord":
        return self._apply(_divide, other, self)

    def __mod__(self, other: Any) -> "SymbolicWord":
        return self._apply(_remainder, self, other)

    def __lshift__(self, count: Any) -> "SymbolicWord":
        return self._apply(_shift_left, self, count)

    def __rlshift__(self, value: Any) -> "SymbolicWord":
        return self._apply(_shift_left, value, self)

    def __rshift__(self, count: Any) -> "SymbolicWord":
        return self._apply(_shift_right, self, count)

    def __rrshift__(self, value: Any) -> "SymbolicWord":
        return self._apply(_shift_right, value, self)

    def __and__(self, other: Any) -> "SymbolicWord":
        return self._apply(lambda run, a, b: a & b, self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> "SymbolicWord":
        return self._apply(lambda run, a, b: a | b, self, other)

    __ror__ = __or__

    def __lt__(self, other: Any) -> Condition:
        return self._compare(z3.ULT, other)

    def __le__(self, other: Any) -> Condition:
        return self._compare(z3.ULE, other)

    def __gt__(self, other: Any) -> Condition:
        return self._compare(z3.UGT, other)

    def __ge__(self, other: Any) -> Condition:
        return self._compare(z3.UGE, other)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare(lambda a, b: a == b, other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare(lambda a, b: a != b, other)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self != 0)

    def fls(self) -> "SymbolicWord":
        """The number of the highest one bit counted from 1; 0 for 0."""
        rest, number = self.expression, _bits(0, self.run.budget.context)
        for half in (32, 16, 8, 4, 2, 1):
            high = z3.UGE(rest, 1 << half)
            number = z3.If(high, number + half, number)
            rest = z3.If(high, z3.LShR(rest, half), rest)
        return SymbolicWord(number + rest, self.run)  # what is left of a word is 1, of zero 0

    def _apply(self, operator: Callable[[Run, Any, Any], Any], a: Any, b: Any) -> "SymbolicWord":
        context = self.run.budget.context
        return SymbolicWord(operator(self.run, _bits(a, context), _bits(b, context)), self.run)

    def _compare(self, relation: Callable[[Any, Any], Any], other: object) -> Condition:
        return Condition(relation(self.expression, _bits(other, self.run.budget.context)), self.run)


def _bits(value: object, context: Any) -> Any:
    """A word or an int as a z3 expression; a literal that is no word would silently become another number."""
    if isinstance(value, SymbolicWord):
        return value.expression
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LIMIT:
        return z3.BitVecVal(int(value), BITS, ctx=context)
    raise TypeError(f"{value!r} is not a 64-bit word")


def _add(run: Run, a: Any, b: Any) -> Any:
    run.must(z3.BVAddNoOverflow(a, b, False), "+ wraps")
    return a + b


def _subtract(run: Run, a: Any, b: Any) -> Any:
    run.must(z3.UGE(a, b), "- wraps")
    return a - b


def _multiply(run: Run, a: Any, b: Any) -> Any:
    run.must(_product_fits(a, b), "* wraps")
    return a * b


def _product_fits(a: Any, b: Any) -> Any:
    """Whether a product is below 2^64, in words that every solver knows."""
    for factor, other in ((a, b), (b, a)):
        if z3.is_bv_value(factor):
            return z3.ULE(other, (LIMIT - 1) // max(1, factor.as_long()))
    return z3.Extract(2 * BITS - 1, BITS, z3.ZeroExt(BITS, a) * z3.ZeroExt(BITS, b)) == 0


def _divide(run: Run, a: Any, b: Any) -> Any:
    run.must(b != 0, "division by zero")
    return z3.UDiv(a, b)


def _remainder(run: Run, a: Any, b: Any) -> Any:
    run.must(b != 0, "division by zero")
    return z3.URem(a, b)


def _shift_left(run: Run, a: Any, count: Any) -> Any:
    run.must(z3.ULT(count, BITS), "<< by 64 or more")
    run.must(z3.LShR(a << count, count) == a, "<< wraps")
    return a << count


def _shift_right(run: Run, a: Any, count: Any) -> Any:
    run.must(z3.ULT(count, BITS), ">> by 64 or more")
    return z3.LShR(a, count)
