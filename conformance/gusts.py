# SPDX-License-Identifier: GPL-2.0-or-later
"""Search by storms: platforms and partitions drawn with Hypothesis, hundreds of scripts on each, the odd ones judged.

The judge is the survey's: a suspect runs as a trace on the same kernel code, against the reference hypervisor and all
invariants. What the judge does not confirm is counted and kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, seed, settings

from conformance.kernel.kernels import Kernels
from conformance.storm import POINTS, Batch, Sign, Suspect
from conformance.survey import Survey, watch
from model.events import Fault
from model.profiles import Lpar, Profile
from model.trace import Trace
from model.types import DmaMask
from properties.machine import SHARDS, Shard
from properties.strategies import ALLOCATIONS, HCALL_ANSWERS, RTAS_ANSWERS, WRITES, configurations
from properties.sweep import life

PARTITIONS, SCRIPTS = 8, 150
"""Configurations that are drawn at a time, and scripts that are run on each."""
MICROSECONDS = 150_000
"""CPU time for the scripts on one configuration: those with much RAM run fewer."""
ALIKE = 2
"""Suspects that look the same and are judged, of one gust."""
GIVEN = 2000
"""Scripts of a sweep in one batch."""
END = 3
"""Calls at either end of a loop that a sweep lets fail."""

Key = tuple[str, frozenset[Sign]]
"""What makes two suspects alike: the platform's name and the signs."""


@dataclass(slots=True)
class Gusts:
    """What the storms of a survey have done so far.

    judged: suspects that were judged, by what they look like. unconfirmed: of these, those in which the judge saw nothing
    wrong, with the first of each.
    """

    survey: Survey
    kernels: Kernels
    scripts: int = 0
    suspects: int = 0
    beyond: int = 0
    microseconds: int = 0
    judged: Counter[Key] = field(default_factory=Counter)
    unconfirmed: Counter[Key] = field(default_factory=Counter)
    examples: dict[Key, Trace] = field(default_factory=dict)
    waiting: dict[Key, list[tuple[Batch, Suspect]]] = field(default_factory=dict)

    def gust(self, shard: Shard, number: int) -> None:
        """Storms on some configurations of one shard, then judging for a while; `number` is the seed."""
        for position, (profile, lpar) in enumerate(drawn(shard, number)):
            own_seed = crc32(f"{number} {position}".encode())
            batch = Batch(profile, lpar, SCRIPTS, own_seed, patience=MICROSECONDS)
            self.kernels.storm(lpar.page).run(batch)
            self.take(batch)
        self.judge_some()

    def take(self, batch: Batch) -> None:
        """Count what a batch did, and keep its suspects."""
        self.scripts += batch.run
        self.beyond += batch.beyond
        self.suspects += len(batch.suspects)
        self.microseconds += batch.microseconds
        for suspect in batch.suspects:
            key = (batch.profile.name, frozenset(suspect.signs))
            self.waiting.setdefault(key, []).append((batch, suspect))

    def judge_some(self) -> None:
        """Judge the shortest suspects of each look, and drop the others."""
        for key, suspects in self.waiting.items():
            suspects.sort(key=lambda one: len(one[1].steps))
            for batch, suspect in suspects[:ALIKE]:
                self.judge(key, batch.trace(suspect))
        self.waiting = {}

    def sweep(self, profile: Profile, lpar: Lpar, mask: DmaMask) -> None:
        """Every failure point of a mask that is set, with every answer, singly and in pairs; then judge what looks wrong."""
        storm = self.kernels.storm(lpar.page)
        calm = life(profile, lpar, mask, ())
        alone = storm.run(Batch(profile, lpar, 1, given=[calm.steps[:1]], told=True))
        single = [(fault,) for fault in faults_at(alone.reached[0])]
        first = storm.run(Batch(profile, lpar, len(single), given=[life(profile, lpar, mask, f).steps[:1] for f in single],
                                told=True))  # fmt: skip
        pairs = [
            (*one, other) for one, reached in zip(single, first.reached, strict=True) for other in faults_at(reached)
        ]
        lives = [life(profile, lpar, mask, dictated).steps for dictated in (*single, *pairs)]
        for start in range(0, len(lives), GIVEN):
            some = lives[start : start + GIVEN]
            self.take(storm.run(Batch(profile, lpar, len(some), given=some)))
        self.judge_some()

    def judge(self, key: Key, trace: Trace) -> bool:
        """Run a suspect as a trace; whether the judge sees anything wrong."""
        self.judged[key] += 1
        sights, run = watch(trace, self.survey.guest)
        self.survey.examples += 1
        steps = tuple(done.step for done in run.history) if run is not None else ()
        self.survey.steps += len(steps)
        self.survey.tally.checks.update(run.counts if run is not None else {})
        for sight in sights:
            self.survey.add(sight, Trace(trace.profile, trace.lpar, steps))
        if not sights:
            self.unconfirmed[key] += 1
            self.examples.setdefault(key, trace)
        return bool(sights)

    def rounds(self, seconds: float, number: int, tell: Callable[[], None]) -> None:
        """Shard after shard until the time is up; `number` is the seed of the first round."""
        end = monotonic() + seconds
        while monotonic() < end:
            for shard in SHARDS:
                if monotonic() < end:
                    self.gust(shard, number)
                    tell()
            number += 1


def faults_at(reached: Sequence[int]) -> list[Fault]:
    """Every fault with every answer at points that came up so often; of long loops the first and the last calls."""
    found = []
    for point, count in zip(POINTS, reached, strict=True):
        skips = {*range(min(count, END)), *range(max(0, count - END), count)}
        found += [Fault(point, skip, answer) for skip in sorted(skips) for answer in answers(point)]
    return found


def answers(point: str) -> Iterator[int]:
    """What a call may answer when it fails; a group is needed before anything can be set up, so that is no point here."""
    if point in RTAS_ANSWERS or point in WRITES:
        return (int(status) for status in RTAS_ANSWERS.get(point) or HCALL_ANSWERS)
    return iter((0,) if point in ALLOCATIONS else ())


def drawn(shard: Shard, number: int) -> Iterator[tuple[Profile, Lpar]]:
    """Some platforms with partitions of one shard, of whole RAM blocks; `number` is the seed."""
    found: list[tuple[Profile, Lpar]] = []

    @seed(crc32(f"storm {shard[0]} {shard[1]} {number}".encode()))
    @settings(max_examples=PARTITIONS, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(configurations(*shard))
    def note(configuration: tuple[Profile, Lpar, object]) -> None:
        found.append((configuration[0], replace(configuration[1], reserved=())))

    note()
    return iter(found)
