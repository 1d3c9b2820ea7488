# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the reference with the defects of a release does, call by call, what the C of that release does.

Scenarios are drawn by the life-cycle machine, which goes on when an invariant breaks; each is then run on both. Scatterlists
and coherent buffers are left out: the defects of the releases do not yet say all that their C does with them.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from zlib import crc32

from hypothesis import HealthCheck, Phase, reject, seed, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test

from conformance.aside import set_aside
from conformance.differ import Difference, first_difference
from conformance.kernel.kernels import Kernels
from conformance.scope import Bounded, OutOfScope
from model.events import AllocCoherent, Event, Fault, Inside, MapSg, Step
from model.interfaces import Crash
from model.invariants.registry import GUEST_CRASH
from model.profiles import Lpar, Profile
from model.run import GuestMaker, InvariantBroken, Run
from model.trace import Trace
from properties.machine import LifeCycle, Shard, Tally

STEPS = 50
NOT_COMPARED = (MapSg, AllocCoherent)


@dataclass(slots=True)
class Agreement:
    """What comparing `compiled`, of a release, with `model` has shown so far. most: differences that are enough.

    scenarios: those compared to their end; the others are out of scope or set aside, by reason.
    """

    compiled: Kernels
    model: GuestMaker
    release: str
    most: int = 1
    scenarios: int = 0
    steps: int = 0
    out_of_scope: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    differences: list[tuple[Trace, Difference]] = field(default_factory=list)

    def add(self, trace: Trace) -> None:
        """Compare both on a scenario, until there are differences enough."""
        if len(self.differences) >= self.most:
            return
        try:
            difference = first_difference(trace, self.compiled, self.model)
        except OutOfScope:
            self.out_of_scope += 1
            return
        reason = difference and set_aside(trace, difference, self.model, self.release)
        if reason:
            self.aside[reason] += 1
            return
        self.scenarios += 1
        self.steps += len(trace.steps)
        if difference is not None:
            self.differences.append((trace, difference))


class Agreer(LifeCycle):
    """The life-cycle machine on the model, which goes on until the guest crashes."""

    agreement: ClassVar[Agreement]
    over: bool = False

    def start(self, profile: Profile, lpar: Lpar) -> Run:
        """The partition, booted."""
        try:
            return Run(profile, lpar, self.agreement.model, Bounded)
        except (Crash, OutOfScope):
            self.agreement.out_of_scope += 1
            reject()

    def drives(self, event: Event) -> bool:
        """What can happen to the C."""
        return self.agreement.compiled.drives(event)

    def do(self, event: Event, dictated: tuple[Fault, ...] = (), inside: tuple[Inside, ...] = ()) -> None:
        """Carry out an event if it can happen now, without what comes inside it; a violation is no matter."""
        if (
            self.over
            or isinstance(event, NOT_COMPARED)
            or not self.drives(event)
            or self.run.impossible(event) is not None
        ):
            return
        try:
            self.run.step(Step(event, dictated))
        except InvariantBroken as broken:
            self.over = any(violation.invariant == GUEST_CRASH for violation in broken.violations)
        except OutOfScope:
            self.over = True

    def teardown(self) -> None:
        """Compare the model with the C on what was drawn."""
        if hasattr(self, "run"):
            steps = tuple(done.step for done in self.run.history)
            self.agreement.add(Trace(self.run.profile, self.run.lpar, steps))


def draw(agreement: Agreement, shard: Shard, number: int, examples: int) -> None:
    """Compare on some scenarios of one shard; `number` is the seed."""
    attributes: dict[str, Any] = {
        "platform": shard[0], "strength": shard[1], "tally": Tally(), "agreement": agreement,
    }  # fmt: skip
    machine = seed(crc32(f"{shard[0]} {shard[1]} {number}".encode()))(type("Agreer", (Agreer,), attributes))
    options = settings(
        max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    with suppress(Unsatisfiable):  # none of them boots
        run_state_machine_as_test(machine, settings=options)
