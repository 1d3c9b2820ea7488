# SPDX-License-Identifier: GPL-2.0-or-later
"""How long the random machines take to find a wrong rule: events until the invariant that it names is broken."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import ClassVar, NamedTuple

from hypothesis import HealthCheck, Phase, reject, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test

from model.defects import Defect, apply
from model.events import Event, Fault, Inside
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.interfaces import Crash
from model.invariants.registry import GUEST_CRASH
from model.profiles import Lpar, Profile
from model.run import InvariantBroken, Run
from properties.machine import SHARDS, LifeCycle, Tally, seeded
from properties.settings import COMMON

EXAMPLES = 10
"""Of one shard, before it is the next one's turn."""
ROUNDS = 1 << 20
"""More than a hunt ever has: each has numbers of its own, from which its examples are drawn."""


class Found(NamedTuple):
    """What a hunt took."""

    steps: int
    seconds: float


class Over(BaseException):
    """Ends a hunt from within an example; no Exception, so that Hypothesis does not take it for a failure."""

    def __init__(self, found: bool) -> None:
        super().__init__()
        self.found = found


class Hunter(LifeCycle):
    """The life-cycle machine that counts events until an invariant is broken, or the time is up."""

    breaks: ClassVar[str]
    until: ClassVar[float]
    steps: ClassVar[Iterator[int]]

    def start(self, profile: Profile, lpar: Lpar) -> Run:
        """The partition, booted; an example whose boot crashes is none, unless that is what is searched for."""
        self.look_at_the_clock()
        try:
            return super().start(profile, lpar)
        except Crash:
            if self.breaks == GUEST_CRASH:
                raise Over(True) from None
            reject()

    def do(self, event: Event, dictated: tuple[Fault, ...] = (), inside: tuple[Inside, ...] = ()) -> None:
        """Carry out an event; what breaks another invariant ends the example."""
        if self.run.impossible(event) is None:
            next(self.steps)
        self.look_at_the_clock()
        try:
            super().do(event, dictated, inside)
        except InvariantBroken as broken:
            if any(violation.invariant == self.breaks for violation in broken.violations):
                raise Over(True) from None
            reject()

    def look_at_the_clock(self) -> None:
        """The hunt is over if its time is."""
        if monotonic() > self.until:
            raise Over(False)


def hunt(defect: Defect, number: int, patience: float) -> Found | None:
    """Draw examples of each shard in turn until the defect breaks what it names; None if it did not in `patience` seconds.

    number: of the hunt; the same one draws the same.
    """
    assert defect.breaks is not None, "a defect that breaks nothing is not found by itself"
    began, steps = monotonic(), count()
    options = settings(COMMON, max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    attributes = {
        "make_guest": staticmethod(apply(Kernel, [defect])), "make_hypervisor": staticmethod(apply(Papr, [defect])),
        "breaks": defect.breaks, "until": began + patience, "steps": steps, "tally": Tally(),
    }  # fmt: skip
    try:
        for turn in count(number * ROUNDS):
            for platform, strength in SHARDS:
                machine = type("Hunter", (Hunter,), {**attributes, "platform": platform, "strength": strength})
                with suppress(Unsatisfiable):  # every example ended early
                    run_state_machine_as_test(seeded(machine, (platform, strength), turn), settings=options)
    except Over as over:
        return Found(next(steps), monotonic() - began) if over.found else None
    raise AssertionError("a hunt ends by Over")
