# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign carries out: an endless sequence of units, the same for the same seed and targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product, takewhile

from model.defects import REFERENCE
from model.profiles import PROFILES
from properties.machine import SHARDS, Shard

ROUNDS = 1 << 32
"""Seeds of one campaign, more than it comes to: so those of another have nothing in common with them."""


@dataclass(frozen=True, slots=True)
class Target:
    """A guest. tree: folder of a kernel tree whose C it is, "" for the model's rules; defects: those that replace some.

    state: what the tree's files are, by a hash.
    """

    name: str
    tree: str = ""
    defects: tuple[str, ...] = ()
    state: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Examples of the life-cycle machine of a shard."""

    shard: Shard
    seed: int
    examples: int

    def __str__(self) -> str:
        return f"{self.shard[0]} {self.shard[1]}"


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep of the main job goes through on a platform. kind: one of SWEEPS."""

    platform: str
    kind: str

    def __str__(self) -> str:
        return f"{self.platform} {self.kind}"


@dataclass(frozen=True, slots=True)
class Again:
    """What an earlier campaign left in its folder of examples, on the machine of a shard."""

    shard: Shard
    folder: str

    def __str__(self) -> str:
        return f"{self.shard[0]} {self.shard[1]} again"


SWEEPS = ("failures", "meetings", "crashes", "ownership")
"""What is gone through instead of drawn, so that it needs no seed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work, for one worker and some seconds."""

    number: int
    target: Target
    work: Drawn | Swept | Again


@dataclass(frozen=True, slots=True)
class Course:
    """What decides a plan. examples: of a unit; sweeps: whether they are in it; again: a folder of examples, "" for none."""

    targets: tuple[Target, ...]
    seed: int
    examples: int
    sweeps: bool
    again: str


def reference(defects: Sequence[str] = ()) -> Target:
    """The model's rules, some of them replaced."""
    return Target(f"{REFERENCE} with {', '.join(defects)}" if defects else REFERENCE, defects=tuple(defects))


def plan(course: Course) -> Iterator[Unit]:
    """Each target on each shard, round after round; before the first kept examples, after it sweeps, which need no seed."""
    numbers = count()
    for shard in SHARDS if course.again else ():
        for target in course.targets:
            yield Unit(next(numbers), target, Again(shard, course.again))
    for turn in count():
        for shard in SHARDS:
            for target in course.targets:
                yield Unit(next(numbers), target, Drawn(shard, course.seed * ROUNDS + turn, course.examples))
        for kind, platform in product(SWEEPS, PROFILES) if turn == 0 and course.sweeps else ():
            for target in course.targets:
                if not target.tree:
                    yield Unit(next(numbers), target, Swept(platform, kind))


def first_round(course: Course) -> int:
    """How many units there are before the second seed: what a campaign must do to have seen each part once."""
    second = course.seed * ROUNDS + 1
    units = takewhile(lambda unit: not (isinstance(unit.work, Drawn) and unit.work.seed == second), plan(course))
    return sum(1 for _ in units)
