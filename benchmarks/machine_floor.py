# SPDX-License-Identifier: GPL-2.0-or-later
"""The main state machine beside one with the same rules and strategies that does nothing."""

from typing import Any, cast

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from benchmarks.timing import Figure, milliseconds, seconds
from properties.machine import SHARDS, LifeCycle, Shard, machine_of, seeded, written_briefly
from properties.settings import CI
from properties.strategies import configurations

EXAMPLES = settings(CI, max_examples=30, phases=[Phase.generate])


def nothing(shard: Shard) -> type[RuleBasedStateMachine]:
    """A machine that draws what the main one draws, rule by rule, and does nothing with it."""
    platform, strength = shard

    def boot(self: RuleBasedStateMachine, data: st.DataObject) -> None:
        data.draw(configurations(platform, strength))

    state = cast(Any, LifeCycle).setup_state()
    rules = {r.function.__name__: rule(**r.arguments)(_idle(r.function.__name__)) for r in state.rules}  # type: ignore[no-untyped-call]
    return written_briefly(
        type("Nothing", (RuleBasedStateMachine,), {"boot": initialize(data=st.data())(boot), **rules})
    )


def _idle(name: str) -> Any:
    """A rule that does nothing; a new function each time, since Hypothesis keeps a rule on the function itself.

    name: that of the main machine's rule. Hypothesis orders rules by it, and switches rules off by it in each example.
    """

    def idle(self: RuleBasedStateMachine, **drawn: Any) -> None:
        """The rule's arguments have been drawn; that was all."""

    idle.__name__ = name
    return idle


def per_rule(machine: type[RuleBasedStateMachine], shard: Shard) -> float:
    """Seconds for each rule that the machine carried out."""
    count = 0

    class Counting(machine):  # type: ignore[misc, valid-type]
        def check_invariants(self, *arguments: Any) -> None:
            nonlocal count
            count += 1
            super().check_invariants(*arguments)

    time = seconds(lambda: run_state_machine_as_test(seeded(Counting, shard), settings=EXAMPLES))
    return time / count


def machine_floor_ratio(repetitions: int) -> list[Figure]:
    """Time for a rule of the main machine over one of its empty twin: at most 2, that is at least half its steps/s."""
    pairs = []
    for _ in range(max(2, repetitions // 5)):
        for shard in SHARDS:
            pairs.append((per_rule(machine_of(*shard), shard), per_rule(nothing(shard), shard)))
    main, floor = (sum(times) / len(pairs) for times in zip(*pairs, strict=True))
    return [Figure("time of a rule: main machine / one that does nothing", milliseconds(main), milliseconds(floor),
                   main / floor, 2.0)]  # fmt: skip
