# SPDX-License-Identifier: GPL-2.0-or-later
"""Looking for every way in which a guest breaks an invariant, not only for the first.

The life-cycle machine runs on and on; a violation is written down and the run continues. A finding is what the shortest
trace shows: which invariant, after which kind of event, in which words.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from time import monotonic
from typing import Any, ClassVar
from zlib import crc32

from hypothesis import HealthCheck, Phase, reject, seed, settings
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test

from conformance.kernel.worker import HarnessError
from conformance.scope import Bounded, OutOfScope
from conformance.shrink import bounded, shrink
from model.events import Event, Fault, Inside, Step
from model.interfaces import Crash
from model.invariants import Violation
from model.invariants.registry import GUEST_CRASH
from model.profiles import Lpar, Profile
from model.run import GuestMaker, HypervisorMaker, InvariantBroken, Run
from model.trace import Trace
from properties.machine import SHARDS, LifeCycle, Shard, Tally

NUMBER = re.compile(r"0x[0-9a-f]+|\b\d+\b")
EXAMPLES = 10
"""Examples of one shard that come to their end, between two looks at the clock; ten times as many may end early."""
STEPS = 50


def words_of(violation: Violation) -> str:
    """The message without its numbers and what follows its first line."""
    line = violation.message.splitlines()[0]
    return NUMBER.sub("N", line)


def fingerprint(event: Event | None, violation: Violation) -> str:
    """What makes two violations the same finding; event: None at boot."""
    return f"{violation.invariant}: {words_of(violation)} ({type(event).__name__ if event else 'boot'})"


HARMLESS = ("calls-well-formed", "regions-inside-window")
"""Invariants about what the guest asks for: when they break, the state is as good as before, and the run goes on."""


def is_fatal(violation: Violation) -> bool:
    """Whether what comes after it in a run may only be its consequence."""
    return violation.invariant not in HARMLESS


@dataclass(frozen=True, slots=True)
class Sight:
    """One violation, seen in a run in which nothing but harmless ones came before it."""

    fingerprint: str
    violation: Violation


def sights_of(broken: InvariantBroken) -> list[Sight]:
    """What a step showed, up to the first event after which something fatal is seen: the rest may be its consequence."""
    sights: list[Sight] = []
    for _, group in groupby(broken.seen, key=lambda one: id(one[0])):
        part = list(group)
        sights += [Sight(fingerprint(event, violation), violation) for event, violation in part]
        if any(is_fatal(violation) for _, violation in part):
            break
    return sights


def watch(trace: Trace, guest: GuestMaker, hypervisor: HypervisorMaker = Bounded) -> tuple[list[Sight], Run | None]:
    """Every violation while a trace runs on a guest, up to the first fatal one; the run so far, None if it did not boot.

    Steps that cannot happen are passed over. The run also ends where it leaves the harness's scope.
    """
    seen: list[Sight] = []
    run = None
    try:
        run = Run(trace.profile, trace.lpar, guest, hypervisor)
        for step in trace.steps:
            if run.impossible(step.event) is not None:
                continue
            try:
                run.step(step)
            except InvariantBroken as broken:
                seen += sights_of(broken)
                if any(map(is_fatal, broken.violations)):
                    break
    except Crash as crash:
        seen.append(_crash_at_boot(crash))
    except OutOfScope:
        pass
    return seen, run


def _crash_at_boot(crash: Crash) -> Sight:
    violation = Violation(GUEST_CRASH, str(crash), "the guest goes on", str(crash))
    return Sight(fingerprint(None, violation), violation)


@dataclass(slots=True)
class Finding:
    """One way in which an invariant breaks: a trace that shows it, as short as seen so far, and how often it came up."""

    sight: Sight
    trace: Trace
    times: int = 0


class TimeIsUp(BaseException):
    """Ends a search from within an example; no Exception, so that Hypothesis does not take it for a failure."""


def _not_excused(_name: str, _trace: Trace) -> bool:
    return False


def shown_by(guest: GuestMaker) -> Callable[[str, Trace], bool]:
    """Excuses what another guest does too: it shows the finding on that trace, or does not even get as far."""

    def excused(name: str, trace: Trace) -> bool:
        sights, run = watch(trace, guest)
        return any(sight.fingerprint == name for sight in sights) or run is None or len(run.history) < len(trace.steps)

    return excused


def _anything(_event: Event) -> bool:
    return True


@dataclass(slots=True)
class Survey:
    """What has been found so far, by fingerprint. excused: whether a violation that a trace ends with is none of ours.

    drives: whether an event can happen to the guest at all. beyond: what was out of scope last. until: when to stop, as
    monotonic() counts. tally: what the machines did. hypervisor: what the guest runs on.
    """

    guest: GuestMaker
    excused: Callable[[str, Trace], bool] = _not_excused
    drives: Callable[[Event], bool] = _anything
    found: dict[str, Finding] = field(default_factory=dict)
    steps: int = 0
    examples: int = 0
    out_of_scope: int = 0
    beyond: str = ""
    until: float = float("inf")
    tally: Tally = field(default_factory=Tally)
    hypervisor: HypervisorMaker = Bounded

    def add(self, sight: Sight, trace: Trace) -> None:
        """Note a violation that nothing excuses; the shortest trace that shows it is kept."""
        if self.excused(sight.fingerprint, trace):
            return
        finding = self.found.setdefault(sight.fingerprint, Finding(sight, trace))
        finding.times += 1
        if len(trace.steps) < len(finding.trace.steps):
            finding.sight, finding.trace = sight, trace

    def look_at_the_clock(self) -> None:
        """TimeIsUp if it is."""
        if monotonic() > self.until:
            raise TimeIsUp

    def leave_out(self, limit: OutOfScope) -> None:
        """Count an example that asks for more than is run."""
        self.out_of_scope += 1
        self.beyond = str(limit).splitlines()[0]

    def shows(self, name: str, trace: Trace) -> bool:
        """Whether a trace shows the finding of that name, and nothing excuses it."""
        sights, run = watch(trace, self.guest, self.hypervisor)
        if not any(sight.fingerprint == name for sight in sights):
            return False
        steps = tuple(done.step for done in run.history) if run is not None else ()
        return not self.excused(name, Trace(trace.profile, trace.lpar, steps))


class Surveyor(LifeCycle):
    """The life-cycle machine that writes violations down, and ends an example at the first fatal one."""

    survey: ClassVar[Survey]

    def start(self, profile: Profile, lpar: Lpar) -> Run:
        """The partition, booted; an example whose boot crashes or is out of scope ends here."""
        self.survey.look_at_the_clock()
        self.survey.examples += 1
        try:
            return Run(profile, lpar, self.survey.guest, self.survey.hypervisor)
        except Crash as crash:
            self.survey.add(_crash_at_boot(crash), Trace(profile, lpar, ()))
        except OutOfScope as limit:
            self.survey.leave_out(limit)
        reject()

    def drives(self, event: Event) -> bool:
        """What can happen to the guest."""
        return self.survey.drives(event)

    def do(self, event: Event, dictated: tuple[Fault, ...] = (), inside: tuple[Inside, ...] = ()) -> None:
        """Carry out an event. What is fatal ends the example, which Hypothesis then takes for one that is no use."""
        self.survey.look_at_the_clock()
        if not self.drives(event) or self.run.impossible(event) is not None:
            return
        self.survey.steps += 1
        try:
            self.run.step(Step(event, dictated, tuple(other for other in inside if self.drives(other.step.event))))
        except InvariantBroken as broken:
            trace = Trace(self.run.profile, self.run.lpar, tuple(done.step for done in self.run.history))
            for sight in sights_of(broken):
                self.survey.add(sight, trace)
            if any(map(is_fatal, broken.violations)):
                reject()
        except OutOfScope as limit:
            self.survey.leave_out(limit)
            reject()


def explore(survey: Survey, shard: Shard, number: int, examples: int = EXAMPLES) -> None:
    """Draw some examples of one shard; `number` is the seed."""
    attributes: dict[str, Any] = {
        "platform": shard[0], "strength": shard[1], "tally": survey.tally, "survey": survey,
    }  # fmt: skip
    machine = seed(crc32(f"{shard[0]} {shard[1]} {number}".encode()))(type("Surveyor", (Surveyor,), attributes))
    options = settings(
        max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        with suppress(Unsatisfiable, TimeIsUp):  # every example ended early
            run_state_machine_as_test(machine, settings=options)
    except Flaky as flaky:
        raise HarnessError(f"the same example ran twice and differently: {str(flaky).splitlines()[0]}") from None


def rounds(survey: Survey, seconds: float, number: int, tell: Callable[[], None]) -> None:
    """Explore shard after shard until the time is up; `number` is the seed of the first round."""
    survey.until = end = monotonic() + seconds
    while monotonic() < end:
        for shard in SHARDS:
            if monotonic() < end:
                explore(survey, shard, number)
                tell()
        number += 1


PATIENCE, SECONDS = 500, 8.0
"""Runs and time that the shrinking of one trace may take; a hang takes seconds a run."""


def settle(survey: Survey, names: Iterable[str], tell: Callable[[], None]) -> None:
    """Shrink the traces of findings. A short trace serves all that it shows."""
    waiting = set(names)
    while waiting:
        name = min(waiting, key=lambda n: (len(survey.found[n].trace.steps), n))
        waiting.discard(name)
        shortest = shrink(survey.found[name].trace, bounded(partial(survey.shows, name), PATIENCE, SECONDS))
        for sight in watch(shortest, survey.guest, survey.hypervisor)[0]:
            finding = survey.found.get(sight.fingerprint)
            if finding and (sight.fingerprint == name or len(shortest.steps) < len(finding.trace.steps)):
                finding.sight, finding.trace = sight, shortest
        tell()
