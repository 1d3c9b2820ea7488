# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck explore`: every sequence of events, up to a length, in a configuration that is small enough for that.

Four blocks of RAM and one of vPMEM, a default window and a dynamic one of 16 TCEs each, two functions of one PE. Drivers set
masks, map and unmap, functions come and go, so does memory, and each call and allocation may fail, one of them in an event.
Nothing happens in the middle of an event here, there is no kexec, and user space owns nothing: the machines have these.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from rich.table import Table

from conformance.cause import causes
from conformance.survey import fingerprint
from ddwcheck import BadInput, Verdict, drawn, report, wrapped
from ddwcheck.live import spinner
from ddwcheck.log_files import shown
from ddwcheck.replay import step_line
from ddwcheck.snapshot import Copier, key
from model.defects import REFERENCE, RELEASES, Defect, apply, of_release
from model.events import Attach, Detach, Event, Fault, Map, Offline, Online, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.profiles import PROFILES, Choices, LiobnOf, Lpar, Profile
from model.run import InvariantBroken, Run
from model.trace import Trace
from model.types import KIB, MIB, BusAddress, Direction, DmaMask, PageShift, PhysAddr, Span
from properties.sweep import answers, points_of

TCES = 16
IO_PAGE = 256 * MIB
PAGES_256M = 1 << 6
"""In query's mask."""
BLOCK = 2 * IO_PAGE
"""Bytes of one of the blocks of memory: RAM is half of the dynamic window, so that this is split where vPMEM has no other."""
MOST_MAPPINGS = 2
"""That live at a time."""
MASKS = (DmaMask((1 << 64) - 1), DmaMask((1 << 32) - 1))


def block(number: int) -> Span[PhysAddr]:
    """Memory by its number."""
    return Span(PhysAddr(number * BLOCK), PhysAddr((number + 1) * BLOCK))


LPAR = Lpar(
    tuple(map(block, range(4))), (0, 1), PhysAddr(4 * BLOCK), (block(8),), (0,), PageShift(16), functions=(0, 0)
)


def small(profile: Profile) -> Profile:
    """A platform with windows of few TCEs. LIOBNs are used again, as states are."""
    default = Span(BusAddress(0), BusAddress(TCES * 4 * KIB))
    choices = Choices(liobn=LiobnOf.RECYCLED)
    return replace(profile, block=TCES, pages=PAGES_256M, default=default, choices=choices)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. depth: events in a row. seconds: after which it gives up. out: where a counterexample goes."""

    profile: str
    release: str
    depth: int
    seconds: float
    out: str


@dataclass(slots=True)
class Level:
    """What was new after so many events: states, the transitions that led there or elsewhere, and the time that took."""

    depth: int
    states: int = 0
    transitions: int = 0
    seconds: float = 0.0


class Broken(Exception):
    """A step broke an invariant; no shorter sequence does. path: the steps up to it."""

    def __init__(self, path: list[Step], broken: InvariantBroken) -> None:
        super().__init__(str(broken))
        self.path = path
        self.broken = broken


@dataclass(slots=True)
class Explorer:
    """The states of a partition that were met so far. came: of each, by its number, the one before and the step between.

    tell: told now and then how far it is. whole: whether nothing was left out for want of time.
    """

    profile: Profile
    defects: list[Defect] = field(default_factory=list)
    until: float = float("inf")
    tell: Callable[[str], None] = lambda _: None
    levels: list[Level] = field(default_factory=list)
    came: list[tuple[int, Step | None]] = field(default_factory=list)
    whole: bool = True

    def explore(self, depth: int) -> None:
        """Go through all sequences of at most `depth` events; whole is False if time was up. Broken if an invariant is."""
        run = Run(self.profile, LPAR, apply(Kernel, self.defects), apply(Papr, self.defects))
        copier = Copier(run)
        met, frontier = {key(run)}, [(0, copier.save(run))]
        self.came.append((0, None))
        self.levels.append(Level(0, states=1))
        while frontier and len(self.levels) <= depth and self.whole:
            frontier = self._further(copier, met, frontier)

    @property
    def closed(self) -> bool:
        """Whether every state was met that there is."""
        return self.whole and not self.levels[-1].states

    def _further(self, copier: Copier, met: set[bytes], frontier: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The new states that one event leads to from those of the frontier."""
        began, level, new = monotonic(), Level(len(self.levels)), []
        self.levels.append(level)
        for number, saved in frontier:
            self.tell(f"{level.depth} events: {len(met):,} states")
            if monotonic() > self.until:
                self.whole = False
                break
            for step, run in self._steps(copier, number, saved):
                level.transitions += 1
                name = key(run)
                if name not in met:
                    met.add(name)
                    self.came.append((number, step))
                    new.append((len(self.came) - 1, copier.save(run)))
            level.states, level.seconds = len(new), monotonic() - began
        return new

    def _steps(self, copier: Copier, number: int, saved: bytes) -> Iterator[tuple[Step, Run]]:
        """Each step that can happen in a state, with the run after it."""
        before = copier.load(saved)
        for event in events(before):
            for fault in (None, *failures(copier.load(saved), event)):
                step, run = Step(event, (fault,) if fault else ()), copier.load(saved)
                try:
                    run.step(step)
                except InvariantBroken as broken:
                    raise Broken([*self.path(number), step], broken) from None
                yield step, run

    def path(self, number: int) -> list[Step]:
        """The steps that led to a state."""
        number, step = self.came[number]
        return [*self.path(number), step] if step is not None else []


def events(run: Run) -> Iterator[Event]:
    """What can happen in a state."""
    return (event for event in _all_events(run) if run.impossible(event) is None)


def _all_events(run: Run) -> Iterator[Event]:
    for device in range(LPAR.devices):
        yield from (Attach(device), Detach(device))
        yield from (SetMask(device, mask) for mask in MASKS)
        if len(run.ledger.mappings) < MOST_MAPPINGS:
            starts = (memory.start for memory in (LPAR.blocks[0], LPAR.vpmem[0]))
            yield from (Map(device, Span(start, PhysAddr(start + 4096)), Direction.BIDIRECTIONAL) for start in starts)
    yield from map(Unmap, run.ledger.mappings)
    for number in range(len(LPAR.blocks)):
        yield from (Online(number), Offline(number))


def failures(run: Run, event: Event) -> list[Fault]:
    """How an event, which is carried out, can fail: one answer at each point."""
    return [Fault(point, skip, next(answers(point))) for point, skip in points_of(run, event)]


def explore(wish: Wish) -> tuple[list[str], Verdict]:
    """What there is and the verdict: VIOLATED with the shortest sequence that breaks an invariant, INCONCLUSIVE if it was
    stopped. BadInput for a platform or a release that is not known.
    """
    if wish.profile not in PROFILES:
        raise BadInput(f"--profile {shown(wish.profile)} is not one of {', '.join(PROFILES)}")
    if wish.release not in (REFERENCE, *RELEASES):
        raise BadInput(f"--release {shown(wish.release)} is not one of {', '.join((REFERENCE, *RELEASES))}")
    with spinner() as progress:
        task = progress.add_task("exploring")
        explorer = Explorer(
            small(PROFILES[wish.profile]), of_release(wish.release), monotonic() + wish.seconds,
            lambda text: progress.update(task, description=text),
        )  # fmt: skip
        try:
            explorer.explore(wish.depth)
        except Broken as found:
            return [*table(explorer), *told(found, wish)], Verdict.VIOLATED
        except KeyboardInterrupt:
            explorer.whole = False
    return [*table(explorer), summary(explorer)], Verdict.HOLDS if explorer.whole else Verdict.INCONCLUSIVE


def table(explorer: Explorer) -> list[str]:
    """One line for each number of events."""
    made = Table("events", "new states", "transitions", "states/s", "transitions/s", box=None, pad_edge=False)
    for level in explorer.levels:
        speeds = [
            f"{count / level.seconds:,.0f}" if level.seconds else "-" for count in (level.states, level.transitions)
        ]
        made.add_row(str(level.depth), f"{level.states:,}", f"{level.transitions:,}", *speeds)
    return drawn(made, 100)


def summary(explorer: Explorer) -> str:
    """What was gone through."""
    states, depth = sum(level.states for level in explorer.levels), explorer.levels[-1].depth
    if not explorer.whole:
        return f"INCONCLUSIVE: stopped among sequences of {depth} events, after {states:,} states"
    reach = "all states that there are" if explorer.closed else f"all sequences of up to {depth} events"
    return f"HOLDS: all invariants, in {reach}: {states:,} states"


def told(found: Broken, wish: Wish) -> list[str]:
    """The shortest sequence, carried out again, and its folder; BadInput if that cannot be written."""
    violations, run = found.broken.violations, again(found, wish)
    folder = Path(wish.out) / f"explore-{violations[0].invariant}"
    trace = Trace(run.profile, run.lpar, tuple(found.path))
    behind = [defect.id for defect in causes(fingerprint(*found.broken.seen[0]), trace, wish.release)]
    try:
        report.write(folder, run, violations, wish.release, (), "ddwcheck explore", behind=behind)
    except OSError as error:
        raise BadInput(f"{shown(wish.out)}: {error.strerror}") from None
    lines = [step_line(*numbered) for numbered in enumerate(run.history, 1)]
    lines += [f"VIOLATED {violation.invariant}: {violation.message}" for violation in violations]
    return [piece for line in (*lines, str(folder)) for piece in wrapped(line)]


def again(found: Broken, wish: Wish) -> Run:
    """The whole run, of which the last step alone was at hand."""
    defects = of_release(wish.release)
    run = Run(small(PROFILES[wish.profile]), LPAR, apply(Kernel, defects), apply(Papr, defects))
    try:
        for step in found.path:
            run.step(step)
    except InvariantBroken:
        pass
    return run
