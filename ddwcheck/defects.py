# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck defects`: the DDW bugs of Linux's history, each shown by its trace, on demand by search and by proof."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.table import Table

import history
from conformance.differ import Difference, first_difference
from ddwcheck import BadInput, Verdict, drawn, report, wrapped
from ddwcheck.hunted import Found, hunt
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.replay import step_line
from history import Bug
from history.not_covered import NOT_COVERED
from model.defects import REFERENCE, apply
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.interfaces import Crash
from model.invariants import Violation
from model.run import InvariantBroken, Run
from proofs.obligation import Obligation, everything
from proofs.prover import Theorem, prove
from proofs.prover import Verdict as Proved

BY_COMPARISON = "differs from the reference"
"""What tells a wrong rule that breaks no invariant."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. names: ids of defects, none for all. seeds: how often each is searched for, each time no
    longer than `patience` seconds. prove: whether theorems about its rule are asked. out: where counterexamples go.
    """

    names: Sequence[str] = ()
    seeds: int = 0
    patience: float = 60
    prove: bool = False
    out: str | None = None


class Shown(NamedTuple):
    """A trace as it went, up to the first step that broke something. stuck: why it could not go on, "" if it could."""

    run: Run | None
    violations: Sequence[Violation] = ()
    stuck: str = ""

    @property
    def broken(self) -> str:
        """What broke, in words."""
        return self.stuck or ", ".join(sorted({violation.invariant for violation in self.violations})) or "nothing"


class Asked(NamedTuple):
    """What became of a theorem about the rule that a bug replaces, when it was asked of the wrong rule."""

    theorem: str
    verdict: Proved
    seconds: float


@dataclass(slots=True)
class Row:
    """What became of a bug. differs: where it parts from the reference, if that is what tells it. wrong: why its trace does
    not show what it is to show, "" if it does.
    """

    bug: Bug
    shown: Shown
    differs: Difference | None
    wrong: str
    hunts: list[Found | None] = field(default_factory=list)
    theorems: list[Asked] = field(default_factory=list)

    @classmethod
    def of(cls, bug: Bug) -> "Row":
        """The bug's trace on the reference with its defect, and judged."""
        guest, hypervisor = apply(Kernel, [bug.defect]), apply(Papr, [bug.defect])
        seen = carried_out(bug, guest, hypervisor)
        differs = first_difference(bug.trace, Kernel, guest) if bug.defect.breaks is None else None
        return cls(bug, seen, differs, wrong_with(bug, seen, differs))


def record(wish: Wish) -> tuple[list[str], Verdict]:
    """The record and the verdict: VIOLATED if a trace does not show its bug, INCONCLUSIVE if a search or the user gave up.

    BadInput for an id that is none, or a folder that cannot be written.
    """
    known = history.catalogue()
    for name in wish.names:
        if name not in known:
            raise BadInput(f"no bug of the history is called {shown(name)}")
    rows = [Row.of(bug) for id, bug in known.items() if not wish.names or id in wish.names]
    written = folders(rows, Path(wish.out)) if wish.out is not None else []
    done = False
    with bar() as progress, suppress(KeyboardInterrupt):
        task = progress.add_task("bugs", total=len(rows) * (wish.seeds + wish.prove))
        for row in measured(rows, wish):
            progress.update(task, advance=1, description=row.bug.defect.id)
        done = True
    lines = [*table(rows, wish), *(line for row in rows for line in told(row, bool(wish.names))), *written]
    lines += [] if wish.names else [f"{len(NOT_COVERED)} more are not covered; README.md says why"]
    lines += [] if done else ["interrupted"]
    return lines, verdict(rows, done)


def carried_out(bug: Bug, guest: type[Kernel], hypervisor: type[Papr]) -> Shown:
    """The bug's trace on a guest and a hypervisor."""
    try:
        run = Run(bug.trace.profile, bug.trace.lpar, guest, hypervisor)
    except Crash as crash:
        return Shown(None, stuck=f"the boot: {crash}")
    for step in bug.trace.steps:
        impossible = run.impossible(step.event)
        if impossible is not None:
            return Shown(run, stuck=f"the trace: {impossible}")
        try:
            run.step(step)
        except InvariantBroken as broken:
            return Shown(run, broken.violations)
    return Shown(run)


def wrong_with(bug: Bug, seen: Shown, differs: Difference | None) -> str:
    """What is wrong with an entry: its trace must break nothing on the reference, and with the defect what that names."""
    clean, breaks = carried_out(bug, Kernel, Papr), bug.defect.breaks
    if clean.broken != "nothing":
        return f"the reference breaks {clean.broken}"
    if any(violation.invariant == breaks for violation in seen.violations):
        return ""
    if breaks is not None or seen.broken != "nothing":
        return f"it breaks {seen.broken}, not {breaks or 'nothing'}"
    return "" if differs else "it does what the reference does"


def folders(rows: Sequence[Row], out: Path) -> list[str]:
    """Write the counterexample of each row that has one, as a folder; where they are."""
    written = []
    for row in rows:
        id, run = row.bug.defect.id, row.shown.run
        if run is not None and row.shown.violations:
            try:
                report.write(out / id, run, row.shown.violations, REFERENCE, [id], f"ddwcheck defects {id}")
            except OSError as error:
                raise BadInput(f"{shown(str(out))}: {error.strerror}") from None
            written.append(str(out / id))
    return written


def measured(rows: Sequence[Row], wish: Wish) -> Iterator[Row]:
    """Ask the prover and search as wished, one at a time; each row that has got something."""
    for row in rows if wish.prove else ():
        row.theorems = [asked(row.bug, obligation) for obligation in about(row.bug)]
        yield row
    for number in range(wish.seeds):
        for row in rows:
            if row.bug.defect.breaks is not None:
                row.hunts.append(hunt(row.bug.defect, number, wish.patience))
            yield row


def about(bug: Bug) -> list[Obligation]:
    """The theorems about the rule that the bug replaces."""
    return [obligation for obligation in everything().values() if obligation.about is bug.defect.replaces]


def asked(bug: Bug, obligation: Obligation) -> Asked:
    """Whether the prover refutes the theorem for the wrong rule."""
    began = time.perf_counter()
    proof = prove(Theorem(obligation.body, obligation.case, bug.defect.by, covers=False))
    return Asked(obligation.key, proof.verdict, time.perf_counter() - began)


def verdict(rows: Sequence[Row], done: bool) -> Verdict:
    """What the rows come to."""
    if any(row.wrong for row in rows):
        return Verdict.VIOLATED
    given_up = any(row.hunts and not any(row.hunts) for row in rows)
    return Verdict.INCONCLUSIVE if given_up or not done else Verdict.HOLDS


def table(rows: Sequence[Row], wish: Wish) -> list[str]:
    """One line for each bug."""
    further = [*(["found", "steps", "seconds"] if wish.seeds else []), *(["refuted"] if wish.prove else []), "C of"]
    made = Table("defect", "fixed by", "in", "caught by", "events", *further, box=None, pad_edge=False)
    for row in rows:
        bug, defect = row.bug, row.bug.defect
        cells = [defect.id, bug.fixed, bug.release, "NOT CAUGHT" if row.wrong else defect.breaks or BY_COMPARISON]
        cells += [str(len(bug.trace.steps)), *(searched(row.hunts) if wish.seeds else [])]
        cells += [str(sum(one.verdict is Proved.REFUTED for one in row.theorems))] if wish.prove else []
        made.add_row(*cells, " ".join(defect.releases))
    return drawn(made, 160)


def searched(hunts: Sequence[Found | None]) -> list[str]:
    """How often it was found, and the medians over all searches if half of them found it."""
    found = sorted(one for one in hunts if one is not None)
    cells = [f"{len(found)} of {len(hunts)}"] if hunts else ["-"]
    if 2 * len(found) <= len(hunts):
        return [*cells, "-", "-"]
    given_up = [float("inf")] * (len(hunts) - len(found))
    steps, seconds = (median([*values, *given_up]) for values in zip(*found, strict=True))
    return [*cells, f"{steps:.0f}", f"{seconds:.1f}"]


def told(row: Row, whole: bool) -> Iterator[str]:
    """What is wrong with it, and which theorems were asked; whole: the entry as well."""
    bug, defect = row.bug, row.bug.defect
    lines = [f"{one.verdict} {one.theorem}: {defect.id}, {one.seconds:.1f} s" for one in row.theorems]
    lines += [f"NOT CAUGHT {defect.id}: {row.wrong}"] if row.wrong else []
    if whole:
        lines += [
            "", f"{defect.id}: {bug.title}", f"  {defect.root_cause}",
            f"  brought in by {bug.introduced or 'an unknown commit'}, fixed by {bug.fixed} ({bug.date})"
            + ("" if bug.confirmed else ", a hash that is not confirmed"),
            f"  replaces {defect.side.__name__}.{defect.rule}; on {bug.trace.profile.name}:",
        ]  # fmt: skip
        lines += [step_line(*numbered) for numbered in enumerate(row.shown.run.history if row.shown.run else (), 1)]
        lines += [f"  {violation.invariant}: {violation.message}" for violation in row.shown.violations]
        lines += [f"  {BY_COMPARISON} in step {row.differs.step + 1}, {row.differs.what}"] if row.differs else []
    for line in lines:
        yield from wrapped(line)
