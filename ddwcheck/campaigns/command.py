# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck campaign`: carry out a plan until the time is up, keep each unit as it ends, and report on all that is kept."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from time import monotonic

from conformance.kernel.apt import NoSource
from conformance.kernel.sources import VERSIONS, fetch
from ddwcheck import BadInput
from ddwcheck.campaigns import progress, told, work
from ddwcheck.campaigns.engine import Engine, Failed, NoWorkers, Task
from ddwcheck.campaigns.plan import Course, Target, Unit, first_round, plan, reference
from ddwcheck.campaigns.store import BadStore, NotKept, Store, opened
from ddwcheck.kernel import open_tree
from ddwcheck.log_files import shown
from ddwcheck.outcome import Outcome
from ddwcheck.sources import cache_folder
from model.defects import REFERENCE, apply, catalogue
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from properties.goals import GOALS

GRACE = 600.0
"""Seconds that units which are under way when the time is up may take to end."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    names: reference, releases, trees; none for the reference. seconds: how long in all, with earlier sessions on the same
    store; None for no end. units: how many of the plan's, None for no end. examples, sweeps, again: see `Course`. out: folder
    for counterexamples.
    """

    names: Sequence[str]
    defects: Sequence[str]
    seconds: float | None
    units: int | None
    examples: int
    sweeps: bool
    seed: int
    jobs: int
    scheduler: str | None
    store: str
    again: str | None
    out: str


@dataclass(slots=True)
class Session:
    """What this process has done for a campaign. failed: units that have no answer, and why; stopped: why it ended early."""

    failed: list[tuple[Unit, str]] = field(default_factory=list)
    stopped: str = ""


def judge(wish: Wish) -> Outcome:
    """The report on all that the store holds in the end. BadInput before anything is run."""
    targets = tuple(_target(name, wish.defects) for name in dict.fromkeys(wish.names or [REFERENCE]))
    course = Course(targets, wish.seed, wish.examples, wish.sweeps, _examples(wish.again))
    _make_room(wish.out)
    path = Path(wish.store)
    try:
        with opened(path) as store:
            store.begin(_identity(course))
            session = Session()
            _carry_out(wish, course, store, session)
            whole = store.done() >= set(range(first_round(course)))
            return told.report_on(store, targets, wish.seed, Path(wish.out), session.failed, session.stopped, whole)
    except BadStore as bad:
        raise BadInput(str(bad)) from None


def _identity(course: Course) -> dict[str, str]:
    """What makes two commands the same campaign: all that its units depend on."""
    return {
        "guests": ", ".join(target.name for target in course.targets), "seed": str(course.seed),
        "examples": str(course.examples), "sweeps": "yes" if course.sweeps else "no", "again": course.again,
        "sources": " ".join([work.sources(), *(target.state for target in course.targets)]),
    }  # fmt: skip


def _target(name: str, defects: Sequence[str]) -> Target:
    """The guest that the user names. BadInput if there is none of that name."""
    if name == REFERENCE:
        for defect in defects:
            if defect not in catalogue():
                raise BadInput(f"no defect is called {shown(defect)}")
        try:
            for side in (Kernel, Papr):
                apply(side, [catalogue()[defect] for defect in defects])
        except ValueError as clash:
            raise BadInput(str(clash)) from None
        return reference(defects)
    try:
        path = fetch(name, cache_folder(None)) if name in VERSIONS and not Path(name).exists() else Path(name)
    except NoSource as none:
        raise BadInput(str(none)) from None
    tree = open_tree(str(path))
    return Target(f"Linux {tree.release}, {shown(name)}", str(tree.root), (), work.state_of(tree))


def _examples(folder: str | None) -> str:
    """A folder of examples, absolute, "" if none is asked for. BadInput if it is none."""
    if folder is None:
        return ""
    if not Path(folder).is_dir():
        raise BadInput(f"{shown(folder)}: no folder")
    return str(Path(folder).resolve())


def _make_room(folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{shown(folder)}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise BadInput(f"{shown(folder)}: cannot be written to")


def _carry_out(wish: Wish, course: Course, store: Store, session: Session) -> None:
    """Do what is not done, and shrink what was found; what stops it before its end is noted in the session."""
    clock = Clock(store.seconds(), wish.seconds)
    kept = str(store.path.with_name(f"{store.path.name}.examples").resolve())
    try:
        with progress.Progress() as shows:
            todo = _todo(wish, course, store, clock)
            first = next(todo, None)
            if first is None and all(found.is_shrunk for found in store.findings()):
                return
            with _engine(wish) as engine:
                tasks = (Task(unit, work.carry_out, (unit, kept)) for unit in chain([first] if first else [], todo))
                _units(wish, course.targets, engine, tasks, store, session, clock, shows)
                _shrink(engine, course.targets, store, shows)
    except KeyboardInterrupt:
        session.stopped = "interrupted"
    except NoWorkers as none:
        session.stopped = f"the same command goes on: {none}"
    except NotKept as full:
        session.stopped = f"not all was kept, the same command goes on: {full}"


@contextmanager
def _engine(wish: Wish) -> Iterator[Engine]:
    """The workers. BadInput if there are none to begin with."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(Engine(wish.jobs, wish.scheduler))
        except NoWorkers as none:
            raise BadInput(str(none)) from None
        yield engine


class Clock:
    """How long a campaign has been running. before: in earlier sessions; most: when it is over, None for never."""

    def __init__(self, before: float, most: float | None) -> None:
        self._begun, self._most = monotonic() - before, most

    def seconds(self) -> float:
        """So far, with earlier sessions."""
        return monotonic() - self._begun

    def left(self) -> float:
        """Until it is over."""
        return float("inf") if self._most is None else self._most - self.seconds()


def _todo(wish: Wish, course: Course, store: Store, clock: Clock) -> Iterator[Unit]:
    """The units that are not done, until the campaign is over."""
    done = store.done()
    for unit in islice(plan(course), wish.units):
        if clock.left() <= 0:
            return
        if unit.number not in done:
            yield unit


def _units(
    wish: Wish, targets: Sequence[Target], engine: Engine, tasks: Iterator[Task], store: Store, session: Session,
    clock: Clock, shows: progress.Progress,
) -> None:  # fmt: skip
    """Have units carried out, and keep each answer as it comes."""
    begun, steps, number = monotonic(), 0, len(store.done())
    goals = set(GOALS) if any(target.name == REFERENCE for target in targets) else set[str]()
    seen = goals & set(store.counted("reached", REFERENCE))
    findings, now = {(kept.target, kept.fingerprint) for kept in store.findings()}, 0
    for ended in engine.answers(tasks):
        if ended is not None:
            unit, answer = ended[0].what, ended[1]
            if isinstance(answer, Failed):
                session.failed.append((unit, answer.why))
            elif answer.sources != work.sources():
                raise BadInput("a worker has another ddwcheck, Hypothesis or Python than this process")
            elif store.add(unit, answer, clock.seconds()):
                now, steps = now + 1, steps + answer.steps
                seen |= goals & set(answer.reached) if unit.target.name == REFERENCE else set()
                findings |= {(unit.target.name, found.fingerprint) for found in answer.found}
        elif clock.left() < -GRACE:
            session.stopped = f"some units did not end within {GRACE:.0f} s of its end"
            return
        spent = monotonic() - begun
        left, part = _left(wish, clock, number + now, now, spent)
        reached = len(seen), len(goals)
        shows.tell(progress.line(number + now, steps, steps / spent, len(findings), reached, left, engine.lost), part)


def _left(wish: Wish, clock: Clock, done: int, now: int, spent: float) -> tuple[float, float]:
    """Seconds that are left, and which part is done. done: units in all; now: those of this session, in `spent` seconds."""
    by_time = max(clock.left(), 0.0)
    part = clock.seconds() / wish.seconds if wish.seconds else 0.0
    if wish.units is None:
        return by_time, min(part, 1.0)
    by_units = (wish.units - done) * spent / now if now else by_time
    return min(by_time, by_units), min(max(part, done / wish.units), 1.0)


def _shrink(engine: Engine, targets: Sequence[Target], store: Store, shows: progress.Progress) -> None:
    """Make the traces of findings shorter, all that have not been yet."""
    by_name = {target.name: target for target in targets}
    long = [kept for kept in store.findings() if not kept.is_shrunk]
    tasks = (Task(kept, work.shorten, (by_name[kept.target], kept.fingerprint, kept.trace)) for kept in long)
    done = 0
    for ended in engine.answers(tasks):
        if ended is not None:
            kept, answer = ended[0].what, ended[1]
            done += 1
            if not isinstance(answer, Failed):
                store.shrunk(kept, answer)
        shows.tell(f"shrinking, {done} of {len(long)} findings", done / len(long))
