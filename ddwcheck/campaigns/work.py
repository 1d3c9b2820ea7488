# SPDX-License-Identifier: GPL-2.0-or-later
"""What a worker does: carry out a unit, or make the trace of a finding shorter. It keeps nothing but compiled kernels.

Hypothesis draws constants of the modules of ours that it finds loaded, so that `load_all` loads the same in every process,
whatever it was started by.
"""

import atexit
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from math import inf
from pathlib import Path
from pkgutil import walk_packages
from platform import python_version
from time import monotonic
from typing import Any, ClassVar
from zlib import crc32

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase, ReadOnlyDatabase
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test

from conformance.kernel.build import Variant, inputs
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import Tree, read_tree
from conformance.kernel.worker import HarnessError
from conformance.scope import Bounded
from conformance.shrink import bounded, shrink
from conformance.survey import PATIENCE, SECONDS, STEPS, Finding, Survey, Surveyor, watch
from ddwcheck.campaigns.plan import SWEEPS, Again, Drawn, Swept, Target, Unit
from ddwcheck.sources import cache_folder
from model.defects import apply, catalogue
from model.events import Event, Fault, Inside
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.profiles import PROFILES, Lpar, Profile
from model.run import GuestMaker, HypervisorMaker, Run
from model.trace import Trace, from_json, to_json
from properties.crashes import PARTITIONS, crashes
from properties.interleavings import meetings
from properties.machine import Shard, Tally
from properties.owner_sweep import USES, lives, platform
from properties.sweep import LPARS, MASKS, failures, life, one_answer_each, refused_endings

OURS = ("model", "history", "properties", "conformance", "ddwcheck")
MOST_AGAIN = 10_000
"""Kept examples that are tried again on one shard."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a unit. times: how often it came up; trace: as JSON, the shortest that the unit saw."""

    fingerprint: str
    invariant: str
    times: int
    steps: int
    trace: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a unit came to. sources: what the worker's ddwcheck is, by a hash."""

    number: int
    sources: str
    examples: int
    steps: int
    out_of_scope: int
    seconds: float
    reached: dict[str, int]
    checks: dict[str, int]
    found: tuple[Found, ...]


@cache
def load_all() -> None:
    """Import every module of ours but the tests, and of the proofs what these import."""
    for package in OURS:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.rpartition(".")[2].startswith(("test_", "conftest", "__main__")):
                import_module(module.name)


@cache
def sources() -> str:
    """A hash of all that an answer depends on, but the unit: our code, Hypothesis, Python."""
    total = sha256(f"{python_version()} {version('hypothesis')}".encode())
    for package in OURS:
        spec = find_spec(package)
        assert spec is not None and spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0])
        for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".c", ".h")):
            total.update(f"{file.relative_to(folder.parent)}\0".encode() + file.read_bytes())
    return total.hexdigest()


def carry_out(unit: Unit, examples: str = "") -> Answer:
    """A unit's answer. examples: folder in which Hypothesis keeps the examples that show something, "" for none.

    That folder is written to and never read, so that no unit depends on which others were done before.
    """
    load_all()
    begun = monotonic()
    survey = survey_of(unit.target)
    match unit.work:
        case Drawn(shard, number, most):
            draw(survey, shard, number, most, DirectoryBasedExampleDatabase(examples) if examples else None)
        case Again(shard, folder):
            draw_again(survey, shard, ReadOnlyDatabase(DirectoryBasedExampleDatabase(folder)))
        case Swept(name, kind):
            sweep(survey, name, kind)
    found = (found_of(name, finding) for name, finding in sorted(survey.found.items()))
    return Answer(
        unit.number, sources(), survey.examples, survey.steps, survey.out_of_scope, monotonic() - begun,
        dict(survey.tally.reached), dict(survey.tally.checks), tuple(found),
    )  # fmt: skip


def found_of(name: str, finding: Finding) -> Found:
    """A finding as it is sent and kept."""
    trace = finding.trace
    return Found(name, finding.sight.violation.invariant, finding.times, len(trace.steps), to_json(trace))


def survey_of(target: Target) -> Survey:
    """An empty survey of a guest on what it runs on."""
    if target.tree:
        kernels = kernels_at(target.tree, target.state)
        return Survey(kernels, drives=kernels.drives)
    guest, hypervisor = sides(target)
    return Survey(guest, hypervisor=hypervisor)


def sides(target: Target) -> tuple[GuestMaker, HypervisorMaker]:
    """What `Run` makes a target's guest and its hypervisor with."""
    if target.tree:
        return kernels_at(target.tree, target.state), Bounded
    defects = [catalogue()[name] for name in target.defects]
    return apply(Kernel, defects), apply(Papr, defects)


@cache
def kernels_at(tree: str, state: str) -> Kernels:
    """A tree's programs, which end with this process. HarnessError if the tree has changed."""
    kept = cache_folder(None)
    found = read_tree(Path(tree), kept / "trees")
    if state_of(found) != state:
        raise HarnessError(f"{tree} has changed since the campaign began")
    kernels = Kernels(found, kept / "programs", Variant())
    atexit.register(kernels.__exit__)
    return kernels


def state_of(tree: Tree) -> str:
    """A hash of the files of a tree that are used."""
    total = sha256()
    for file in inputs(tree.root):
        total.update(file.read_bytes())
    return total.hexdigest()


class Shown(Exception):
    """An example shows what the call of Hypothesis has not seen before; it keeps the example then, and stops."""


class Recorder(Surveyor):
    """The surveying machine, which stops Hypothesis at what is new. known: what is not; None: nothing is new. stopped: it
    has, and carries the example out again to report it, which is not to be counted.
    """

    known: ClassVar[frozenset[str] | None]
    stopped: ClassVar[bool] = False

    def start(self, profile: Profile, lpar: Lpar) -> Run:
        """The partition, booted, see `Surveyor.start`."""
        if type(self).stopped:
            aside = replace(self.survey, found={}, examples=0, steps=0, out_of_scope=0, tally=Tally())
            self.survey, self.tally = aside, aside.tally  # type: ignore[misc]  # of this example only
        return super().start(profile, lpar)

    def do(self, event: Event, dictated: tuple[Fault, ...] = (), inside: tuple[Inside, ...] = ()) -> None:
        """Carry out an event, see `Surveyor.do`."""
        seen = self.seen()
        try:
            super().do(event, dictated, inside)
        finally:
            self.stop_at_news(seen)

    def seen(self) -> dict[str, int]:
        """How often each finding has come up."""
        return {name: finding.times for name, finding in self.survey.found.items()}

    def stop_at_news(self, before: dict[str, int]) -> None:
        """Shown if something has come up that is new, each time that the example is carried out."""
        if self.known is not None:
            news = [
                name for name, times in self.seen().items() if times > before.get(name, 0) and name not in self.known
            ]
            if news:
                type(self).stopped = True
                raise Shown(news[0])


def machine(survey: Survey, shard: Shard, known: frozenset[str] | None, number: int) -> type[Recorder]:
    """The recording machine of a shard, with a seed."""
    attributes: dict[str, Any] = {
        "platform": shard[0], "strength": shard[1], "tally": survey.tally, "survey": survey, "known": known,
    }  # fmt: skip
    return seed(crc32(f"{shard[0]} {shard[1]} {number}".encode()))(type("Recorder", (Recorder,), attributes))


def draw(survey: Survey, shard: Shard, number: int, examples: int, database: ExampleDatabase | None) -> None:
    """Draw that many examples of a shard. After each that shows something new, Hypothesis begins anew for the rest."""
    part, more = 0, True
    while more and survey.examples < examples:
        recorder = machine(survey, shard, frozenset(survey.found), number << 10 | part)
        more = run(recorder, examples - survey.examples, database, Phase.generate)
        part += 1


def draw_again(survey: Survey, shard: Shard, database: ExampleDatabase) -> None:
    """Carry out kept examples, all of them whatever they show."""
    run(machine(survey, shard, None, 0), MOST_AGAIN, database, Phase.reuse)


def run(recorder: type[Recorder], examples: int, database: ExampleDatabase | None, phase: Phase) -> bool:
    """Let Hypothesis run a machine; whether it stopped at something new."""
    options = settings(
        max_examples=examples, stateful_step_count=STEPS, deadline=None, database=database, phases=[phase],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False, print_blob=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(recorder, settings=options)
    except Shown:
        return True
    except Unsatisfiable:  # every example ended early
        pass
    except Flaky as flaky:
        raise HarnessError(f"the same example ran twice and differently: {str(flaky).splitlines()[0]}") from None
    return False


def sweep(survey: Survey, name: str, kind: str) -> None:
    """Carry out a sweep on a platform; each trace goes on to its first fatal violation."""
    for trace in SWEPT[kind](PROFILES[name]):
        sights, run = watch(trace, survey.guest, survey.hypervisor)
        survey.examples += 1
        steps = tuple(done.step for done in run.history) if run is not None else ()
        survey.steps += len(steps)
        if run is not None:
            survey.tally.add(run)
        for sight in sights:
            survey.add(sight, Trace(trace.profile, trace.lpar, steps))


def every_failure(profile: Profile) -> Iterator[Trace]:
    """Failures of enable alone and in pairs, then refused clearings."""
    for lpar, mask in product(LPARS, MASKS):
        where = profile, LPARS[lpar], MASKS[mask]
        faults = failures(*where, Kernel)
        first = one_answer_each(faults)
        yield from (life(*where, (fault,)) for fault in faults)
        yield from (life(*where, pair) for pair in product(first, first))
        yield from refused_endings(*where)


def every_crash(profile: Profile) -> Iterator[Trace]:
    """A crash at every point."""
    for lpar in PARTITIONS.values():
        yield from crashes(profile, lpar)


def every_ownership(profile: Profile) -> Iterator[Trace]:
    """User space after every use of the host's, with every failure."""
    for use in USES:
        yield from (Trace(platform(profile, use), USES[use][0], steps) for steps in lives(profile, use))


SWEPT: dict[str, Callable[[Profile], Iterator[Trace]]] = dict(
    zip(SWEEPS, (every_failure, meetings, every_crash, every_ownership), strict=True)
)


def shorten(target: Target, fingerprint: str, data: dict[str, Any]) -> dict[str, Any]:
    """A finding's trace, shrunk. Only for a kernel's C does time bound it, which may hang: there another run may end
    with another trace.
    """
    survey = survey_of(target)

    def shows(trace: Trace) -> bool:
        return survey.shows(fingerprint, trace)

    return to_json(shrink(from_json(data), bounded(shows, PATIENCE, SECONDS if target.tree else inf)))
