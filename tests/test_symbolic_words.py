# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbolic words against ints: the same functions, the same answers, and an error where ints raise one.

Then the prover on theorems that are false, empty, too hard or ill made: each has to end with its own verdict.
"""

import os
import random
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any

import pytest
import z3

from model.calls import StuffTce, TceRun
from model.guest import allocator, coherent, io_pages, mapping, pools, routing, scatterlist, sizing, tces
from model.guest.kernel import Kernel
from model.types import BusAddress, Liobn, SegmentLimits, Span, Tce
from model.words import ceil_to, floor_to, select, umax, umin, word
from proofs import prover, second
from proofs.case import Case, Claim, assumption, implies, negate
from proofs.obligation import REGISTRY, Obligation, everything, obligation
from proofs.prover import Theorem, Verdict, prove
from proofs.symbolic import Budget, Condition, Run, SymbolicWord, Undecided, Unrepeatable, explore
from proofs.written import differences, written
from tests.evaluator import compiled

SAMPLES = int(os.environ.get("DDWCHECK_SAMPLES", "2000"))
"""Random inputs for each function; a hundred thousand in the nightly job."""
OTHER_TYPES = {"call", "may_merge", "inside_boundary", "merge_keeps_boundary"}
"""Rules that take more than words; `segment_is_inside` and the like run them on words."""


def fork_inside_fork(a: Any, b: Any) -> Any:
    if a > b:
        if a - b > 10:
            return a - b
        return word(7) if b & 1 == 1 else b
    return b - a if a != 3 else word(0)


def truth_as_control(a: Any, b: Any) -> Any:
    if (a < 10 and b < 10) or not (a < 1 << 40):
        return 1
    if a:
        return 2
    return 3


def bools_among_conditions(a: Any, b: Any) -> Any:
    less = a < b
    return (True & less) | False, (a == b) | (b == a), False | ((a != b) & True), less == (b > a), less != (a == b)


def reflected(a: Any, b: Any) -> Any:
    five = word(5)
    return five + a, five * a, five & a, five | a, 1 << a, 5 | a, 5 & a, five << a, five >> a, 9 >> a, word(1 << 60) - b


def compared_from_the_left(a: Any, b: Any) -> Any:
    five = word(5)
    return five < a, five <= b, five > a, five >= b, five == a, five != b


def divided(a: Any, b: Any) -> Any:
    return a // b, a // 3, 100 // a, a % b, a % 4096


def wraps(a: Any, b: Any) -> Any:
    return a + b, a - b, a * b


def shifts(a: Any, b: Any) -> Any:
    return a << b, b >> a


def wraps_only_on_one_path(a: Any, b: Any) -> Any:
    if a < b:
        return b - a
    return a + b


def chained(a: Any, b: Any) -> Any:
    return 5 <= a < b


def rounded(value: Any, shift: Any) -> Any:
    return floor_to(value, shift), ceil_to(value, shift)


def chosen(a: Any, b: Any) -> Any:
    return umin(a, b), umax(a, b), select(a == b, 1, b), select(True, a, b), select(a < b, word(3), a)


def highest_bit(a: Any) -> Any:
    return a.fls()


def segment_is_inside(start: Any, stop: Any, boundary: Any) -> Any:
    return scatterlist.inside_boundary(Span(start, stop), boundary)


def segments_stay_inside(start: Any, stop: Any, boundary: Any) -> Any:
    return scatterlist.merge_keeps_boundary(Span(start, stop), boundary)


def segments_may_merge(start: Any, middle: Any, stop: Any, longest: Any, boundary: Any) -> Any:
    kernel: Any = Kernel
    before, segment = Span(start, middle), Span(middle, stop)
    return bool(scatterlist.may_merge(kernel, before, segment, SegmentLimits(longest, boundary)))


def call_of_a_run(entries: Any, number: Any) -> Any:
    call: Any = TceRun(StuffTce, Liobn(1), BusAddress(0), Tce(0), 0, 4096, entries, 512).call(number)
    return call.ioba, call.count


FUNCTIONS: dict[Callable[..., Any], str] = {
    sizing.largest_page_shift: "w",
    sizing.largest_window_shift: "www",
    sizing.ram_shift: "w",
    sizing.plan_window: "wwwf",
    sizing.all_dynamic: "w",
    io_pages.pages_touched: "www",
    io_pages.pages_to_clear: "wwwww",
    io_pages.clip: "www",
    routing.map_is_direct: "wwwww",
    routing.unmap_is_direct: "www",
    pools.pool_layout: "ww",
    pools.mmio_entries: "wwwww",
    allocator.below_mask: "ww",
    mapping.handle_of: "www",
    coherent.coherent_alignment: "w",
    io_pages.pages_to_set: "www",
    tces.stuff_limit: "w",
    segment_is_inside: "www",
    segments_stay_inside: "www",
    segments_may_merge: "wwwww",
    call_of_a_run: "ww",
    fork_inside_fork: "ww",
    truth_as_control: "ww",
    bools_among_conditions: "ww",
    reflected: "ww",
    compared_from_the_left: "ww",
    divided: "ww",
    wraps: "ww",
    shifts: "ww",
    wraps_only_on_one_path: "ww",
    chained: "ww",
    rounded: "ww",
    chosen: "ww",
    highest_bit: "w",
}


def draw(source: random.Random) -> int:
    """A word, most often one at which something changes."""
    power = 1 << source.randrange(64)
    kinds = (0, 1, source.randrange(70), power, power - 1, min(power + 1, (1 << 64) - 1), source.randrange(1 << 64))
    return source.choice([*kinds, (1 << 64) - 1, source.choice((12, 16, 21, 24, 34)), source.randrange(1 << 40)])


def flat(result: Any) -> Iterator[Any]:
    """The words and truth values of a result."""
    if isinstance(result, tuple):
        for part in result:
            yield from flat(part)
    else:
        yield result


def expression(part: Any, budget: Budget) -> Any:
    """A part of a result as a z3 expression."""
    if isinstance(part, SymbolicWord | Condition):
        return part.expression
    if isinstance(part, bool):
        return z3.BoolVal(part, budget.context)
    return part if isinstance(part, z3.ExprRef) else z3.BitVecVal(int(part), 64, budget.context)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_function_answers_the_same_on_ints_and_on_bit_vectors(function: Callable[..., Any]) -> None:
    kinds, budget, source = FUNCTIONS[function], Budget(), random.Random(function.__name__)
    names = [f"a{k}" for k in range(len(kinds))]

    def symbolic(run: Run) -> Any:
        return function(
            *(run.word(name) if kind == "w" else run.flag(name) for name, kind in zip(names, kinds, strict=True))
        )

    paths = explore(symbolic, budget)
    taken_if = [compiled(names, path.conditions) for path in paths]
    sound_if = [compiled(names, [side.holds for side in path.sides]) for path in paths]
    answers = [compiled(names, [expression(part, budget) for part in flat(path.result)]) for path in paths]
    compared = 0
    for _ in range(SAMPLES):
        values = [draw(source) if kind == "w" else source.randrange(2) for kind in kinds]
        taken = [k for k, conditions in enumerate(taken_if) if all(conditions(values))]
        assert len(taken) == 1
        defined = all(sound_if[taken[0]](values))
        operands = [word(v) if kind == "w" else bool(v) for v, kind in zip(values, kinds, strict=True)]
        try:
            result = function(*operands)
        except ArithmeticError:
            assert not defined
            continue
        assert defined
        assert answers[taken[0]](values) == list(flat(result))
        compared += 1
    assert compared >= SAMPLES // 20, "hardly any input had an answer to compare"


def test_every_rule_that_a_theorem_is_about_is_compared_with_itself_on_ints() -> None:
    """A rule that acts on the kernel or a table has no words for an answer; the replay of its theorem on ints compares it."""
    rules = {o.about for o in everything().values() if o.about.__module__.startswith("model.guest")}
    decisions = {rule for rule in rules if not {"kernel", "self"} & set(signature(rule).parameters)}
    assert {rule for rule in decisions if rule.__name__ not in OTHER_TYPES} <= set(FUNCTIONS)


def test_an_operation_that_means_something_else_is_noticed() -> None:
    a, b = z3.BitVecs("a0 a1", 64)
    values = (1 << 63, 65)
    right = [
        a + a,
        a - b,
        a * b,
        z3.UDiv(a, b),
        z3.URem(a, b),
        a << b,
        z3.LShR(a, b),
        ~a,
        z3.UGE(a, b),
        z3.Concat(a, b),
    ]
    right += [z3.UDiv(a, a - a), z3.URem(a, a - a), z3.Extract(63, 60, a), z3.ZeroExt(4, a), z3.If(a == b, a, b)]
    pairs = [(a, z3.BitVecVal(values[0], 64)), (b, z3.BitVecVal(values[1], 64))]
    simplified = [z3.simplify(z3.substitute(e, *pairs)) for e in right]
    known = [e.as_long() if z3.is_bv(e) else z3.is_true(e) for e in simplified]
    assert compiled(["a0", "a1"], right)(values) == known
    with pytest.raises(KeyError):
        compiled(["a0", "a1"], [z3.SRem(a, b)])


def test_every_path_is_enumerated_and_no_infeasible_one() -> None:
    def function(run: Run) -> int:
        a = run.word("a0")
        if a < 10:
            if a > 20:
                return 1
            return 2 if a < 5 else 3
        return 4

    assert sorted(path.result for path in explore(function, Budget())) == [2, 3, 4]


def test_a_path_is_not_dropped_when_the_solver_cannot_tell() -> None:
    def function(run: Run) -> bool:
        a, b = run.word("a0"), run.word("a1")
        return bool((a * b == 0x1234_5678_9ABC_DEF1) & (a > 1) & (b > 1))

    with pytest.raises(Undecided):
        explore(function, Budget(rlimit=20_000))


def test_a_function_that_depends_on_more_than_its_input_is_refused() -> None:
    calls: list[None] = []

    def function(run: Run) -> bool:
        calls.append(None)
        return bool(run.word("a0") < len(calls))

    with pytest.raises(Unrepeatable):
        explore(function, Budget())


@pytest.mark.parametrize("literal", [-1, 1 << 64, True, 1.5, "1"])
def test_what_is_no_word_is_no_operand(literal: Any) -> None:
    with pytest.raises(TypeError):
        Run(Budget()).word("a0") + literal


@pytest.mark.parametrize("literal", [0, 1, 2, "yes"])
def test_what_is_no_truth_value_is_no_operand_of_a_condition(literal: Any) -> None:
    with pytest.raises(TypeError):
        (Run(Budget()).word("a0") < 3) | literal


class Pair(Case):
    """Two words."""

    def declare(self) -> None:
        self.a, self.b = self.word("a"), self.word("b")

    @assumption
    def a_is_small(self) -> Any:
        """A is below 100."""
        return self.a < 100

    @assumption
    def a_is_large(self) -> Any:
        """A is above 1000."""
        return self.a > 1000

    @assumption
    def b_is_small(self) -> Any:
        """B is below 100."""
        return self.b < 100

    @assumption
    def sum_is_small(self) -> Any:
        """The sum is below 100; it may wrap."""
        return self.a + self.b < 100

    @assumption
    def rule_is_right(self) -> Any:
        """What the rule answers is right."""
        return self.rule(self.a, self.b) == self.a + self.b


def add(a: Any, b: Any) -> Any:
    return a + b


def add_one_more(a: Any, b: Any) -> Any:
    return a + b + 1


def holds(c: Pair) -> Claim:
    """The sum is at least each of the words."""
    total = c.rule(c.a, c.b)
    return c.claim([c.a_is_small, c.b_is_small], {"zero": total == 0}, (total >= c.a) & (total >= c.b))


def is_exact(c: Pair) -> Claim:
    """The difference of the sum and one word is the other."""
    return c.claim([c.a_is_small, c.b_is_small], {"some": c.a == 3}, c.rule(c.a, c.b) == c.a + c.b)


def is_false(c: Pair) -> Claim:
    """The sum is never 150."""
    return c.claim([c.a_is_small, c.b_is_small], {"some": c.a == 3}, c.rule(c.a, c.b) != 150)


def wraps_somewhere(c: Pair) -> Claim:
    """The sum is the sum."""
    return c.claim([c.a_is_small], {"some": c.a == 3}, c.rule(c.a, c.b) == c.a + c.b)


def assumes_what_cannot_be(c: Pair) -> Claim:
    """Anything."""
    return c.claim([c.a_is_small, c.a_is_large], {"some": True}, c.rule(c.a, 0) != c.a)


def covers_what_cannot_be(c: Pair) -> Claim:
    """The sum is the sum."""
    return c.claim([c.a_is_small, c.b_is_small], {"large": c.a == 100}, c.rule(c.a, c.b) == c.a + c.b)


def covers_a_path_that_cannot_be(c: Pair) -> Claim:
    """The sum is the sum."""
    total, assume = c.rule(c.a, c.b), [c.a_is_small, c.b_is_small]
    if total > 500:
        return c.claim(assume, {"large": True}, False)
    return c.claim(assume, {"small": True}, total == c.a + c.b)


def assumes_too_much(c: Pair) -> Claim:
    """A small word plus a word that may be taken from it."""
    return c.claim([c.a_is_small, c.b_is_small], {"some": c.a == 3}, implies(c.a < 50, c.rule(c.a, 1) < 51))


def is_hard(c: Pair) -> Claim:
    """A number is a prime."""
    product = c.rule(c.a, c.b)
    factors = (c.a > 1) & (c.b > 1) & (c.a <= c.b) & (c.b < 1 << 32)
    return c.claim([], {"some": product == 4}, negate(factors & (product == 0x0FFF_FFFF_FFFF_FFC5)))


def goal_is_no_truth_value(c: Pair) -> Claim:
    """Nothing: on ints, `~` of a bool is an int that counts as true."""
    total = c.rule(c.a, c.b)
    return c.claim([c.a_is_small, c.b_is_small], {"some": total == 3}, 7)


def never_runs_its_rule(c: Pair) -> Claim:
    """Nothing of the rule."""
    return c.claim([c.a_is_small], {"some": c.a == 3}, c.a < 100)


def covers_nothing(c: Pair) -> Claim:
    """The sum is the sum."""
    return c.claim([c.a_is_small, c.b_is_small], {}, c.rule(c.a, c.b) == c.a + c.b)


def assumes_a_sum_that_wraps(c: Pair) -> Claim:
    """The sum is small."""
    return c.claim([c.sum_is_small], {"some": c.a == 3}, c.rule(c.a, c.b) < 100)


def assumes_that_the_rule_is_right(c: Pair) -> Claim:
    """The rule is right."""
    return c.claim([c.rule_is_right], {"some": c.a == 3}, c.rule(c.a, c.b) == c.a + c.b)


def multiply(a: Any, b: Any) -> Any:
    return umin(a, (1 << 32) - 1) * umin(b, (1 << 32) - 1)


VERDICTS: dict[Callable[[Any], Claim], Verdict] = {
    holds: Verdict.PROVED,
    is_exact: Verdict.PROVED,
    is_false: Verdict.REFUTED,
    wraps_somewhere: Verdict.REFUTED,
    assumes_what_cannot_be: Verdict.VACUOUS,
    covers_what_cannot_be: Verdict.VACUOUS,
    covers_a_path_that_cannot_be: Verdict.VACUOUS,
    goal_is_no_truth_value: Verdict.ERROR,
    never_runs_its_rule: Verdict.ERROR,
    covers_nothing: Verdict.ERROR,
    assumes_a_sum_that_wraps: Verdict.ERROR,
    assumes_that_the_rule_is_right: Verdict.ERROR,
}


@pytest.mark.parametrize("body", VERDICTS, ids=lambda body: body.__name__)
def test_a_theorem_gets_its_verdict(body: Callable[[Any], Claim]) -> None:
    proof = prove(Theorem(body, Pair, add))
    assert proof.verdict is VERDICTS[body], proof.detail


def test_a_counterexample_is_one_on_ints() -> None:
    proof = prove(Theorem(is_false, Pair, add))
    assert proof.counterexample["a"] + proof.counterexample["b"] == 150


def test_a_counterexample_is_the_smallest() -> None:
    """The smallest first word that leaves room for the second, then the smallest second one."""
    proof = prove(Theorem(is_false, Pair, add))
    assert (dict(proof.counterexample), proof.smallest) == ({"a": 51, "b": 99}, True)


def test_a_counterexample_that_may_not_be_the_smallest_does_not_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "RLIMIT_OF_A_BIT", 1)
    proof = prove(Theorem(is_false, Pair, add))
    assert (proof.verdict, proof.smallest) == (Verdict.REFUTED, False)
    assert sum(proof.counterexample.values()) == 150


def test_a_wrapped_sum_is_named() -> None:
    assert "WordError" in prove(Theorem(wraps_somewhere, Pair, add)).detail


def test_an_assumption_that_wraps_is_named() -> None:
    assert "sum_is_small has no meaning: + wraps" in prove(Theorem(assumes_a_sum_that_wraps, Pair, add)).detail


def wrong_on_bit_vectors(a: Any, b: Any) -> Any:
    return a + b if isinstance(a, int) else a + b + 1


def wrong_on_ints(a: Any, b: Any) -> Any:
    return a + b + 1 if isinstance(a, int) else a + b


@pytest.mark.parametrize("rule", [wrong_on_bit_vectors, wrong_on_ints])
def test_a_model_that_says_otherwise_on_ints_is_an_error(rule: Callable[..., Any]) -> None:
    assert prove(Theorem(is_exact, Pair, rule)).verdict is Verdict.ERROR


def test_no_answer_of_the_solver_is_unknown_and_not_proved() -> None:
    hard = prove(Theorem(is_hard, Pair, multiply), rlimit=200_000)
    easy = prove(Theorem(holds, Pair, add), rlimit=10)
    assert (hard.verdict, easy.verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)


def test_the_second_solver_answers_by_itself() -> None:
    context = z3.Context()
    a = z3.BitVec("a", 64, ctx=context)
    product = z3.BVMulNoOverflow(a, a, False)
    assert second.answer(second.text_of([z3.ULT(a, 3), product], context)) == "sat"
    assert second.answer(second.text_of([z3.UGT(a, 1 << 32), product], context)) == "unsat"


def test_an_assumption_that_the_proof_does_not_need_is_a_complaint() -> None:
    result = Obligation(assumes_too_much, Pair, "ram-covered", add, (add_one_more,)).check()
    assert result.proof.unused == ("b_is_small",)
    assert any("b_is_small" in complaint for complaint in result.complaints)


def test_a_mutant_that_is_not_refuted_is_a_complaint() -> None:
    tells = Obligation(is_exact, Pair, "ram-covered", add, (add_one_more,)).check()
    misses = Obligation(holds, Pair, "ram-covered", add, (add_one_more,)).check()
    assert tells.complaints == []
    assert [c for c in misses.complaints if "add_one_more" in c]


def test_an_obligation_needs_an_invariant_and_a_mutant() -> None:
    with pytest.raises(LookupError):
        obligation(supports="no-such-invariant", about=add, mutant=add_one_more)(holds)
    with pytest.raises(ValueError, match="mutant"):
        obligation(supports="ram-covered", about=add, mutant=add)(holds)
    assert not [key for key in REGISTRY if key.startswith("test_symbolic_words.py")]


def test_an_obligation_that_did_not_run_is_missed() -> None:
    left_out = min(written())
    assert differences(written()) == []
    assert differences(written() - {left_out}) == [f"did not run: {left_out}"]
    assert differences(written() | {"test_x.py::y"}) == ["ran, but is not written: test_x.py::y"]
