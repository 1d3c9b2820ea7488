# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck kernel`: the life-cycle machines on the C code of a kernel tree."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from conformance import baseline, coverage
from conformance.baseline import BadBaseline, Known
from conformance.cause import causes, closest_release
from conformance.coverage import counted
from conformance.gusts import Gusts
from conformance.kernel.build import BuildFailed, Variant
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import PARTS, BadTree, Tree, read_tree
from conformance.survey import Sight, Survey, rounds, settle, shown_by, watch
from ddwcheck import BadInput, Verdict, page_files, report
from ddwcheck.campaign import Campaign
from ddwcheck.checks import invariants, value, where
from ddwcheck.live import bar, spinner
from ddwcheck.log_files import shown
from ddwcheck.need import needs
from ddwcheck.outcome import Finding, Outcome, State, undecided
from ddwcheck.sources import cache_folder
from model.run import Run
from model.trace import Trace
from proofs.conditions import condition_of

STORMS = 0.5
"""Share of the time in which storms look for suspects; in the rest the machines run."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    seconds: how long to look. known: a baseline file. against: another tree, since: a revision of the same git tree; then
    what counts is what the one does and the other does not. out: folder for counterexamples. coverage: say which lines ran.
    """

    tree: str
    seconds: float
    seed: int
    known: str | None
    update: bool
    against: str | None
    since: str | None
    out: str
    sanitized: bool
    coverage: bool


def judge(wish: Wish) -> Outcome:
    """The table of findings, and the verdict: green if nothing was found that the baseline does not know."""
    if wish.update and wish.known is None:
        raise BadInput("--update-baseline needs --baseline FILE")
    if (wish.against or wish.since) and (wish.known or (wish.against and wish.since)):
        raise BadInput("one of --baseline, --against and --since")
    if wish.coverage and (wish.sanitized or wish.against or wish.since):
        raise BadInput("--coverage goes with none of --sanitize, --against and --since")
    known = _baseline(wish.known, wish.update)
    _make_room(wish)
    tree = open_tree(wish.tree)
    other = revision(wish.tree, wish.since) if wish.since else open_tree(wish.against) if wish.against else None
    programs, variant = cache_folder(None) / "programs", Variant(sanitized=wish.sanitized)
    try:
        with counted(tree, programs) if wish.coverage else Kernels(tree, programs, variant) as kernels:
            with spinner() as progress:
                progress.add_task(f"compiling Linux {tree.release}")
                kernels.start()
            if other is None:
                return _judge(wish, tree, kernels, known)
            with Kernels(other, programs, variant) as before:
                before.start()
                return _compare(wish, kernels, before)
    except BuildFailed as failed:
        raise BadInput(shown(str(failed))) from None


def _make_room(wish: Wish) -> None:
    """The folders that will be written to; BadInput before anything is run if they cannot be."""
    for folder in (wish.out, *([str(Path(wish.known).parent)] if wish.known and wish.update else [])):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{shown(folder)}: {error.strerror}") from None
        if not os.access(folder, os.W_OK):
            raise BadInput(f"{shown(folder)}: cannot be written to")


def revision(path: str, name: str) -> Tree:
    """A revision of a git work tree; BadInput if there is none of that name."""
    folder = cache_folder(None) / "revisions"
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("git") is None:
        raise BadInput("--since needs git, which is not installed")
    git = ["git", "-C", path]
    found = subprocess.run([*git, "rev-parse", "--verify", "--quiet", f"{name}^{{tree}}"], capture_output=True,
                           text=True, check=False)  # fmt: skip
    if found.returncode:
        raise BadInput(f"{shown(path)}: git knows no revision {shown(name)} there")
    tar = folder / f"{found.stdout.strip()}.tar"
    if not tar.exists():
        fresh = tar.with_suffix(".new")
        there = subprocess.run([*git, "ls-tree", "--name-only", name, *PARTS], capture_output=True, text=True,
                               check=False).stdout.split()  # fmt: skip
        command = [*git, "archive", "--format=tar", "--prefix=linux/", "-o", str(fresh.resolve()), name, *there]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise BadInput(f"{shown(path)}: git cannot archive {shown(name)}")
        fresh.replace(tar)
    return open_tree(str(tar))


@contextmanager
def kernels_of(path: str, sanitized: bool) -> Iterator[Kernels]:
    """The programs of the tree that the user names; BadInput if it is none, or does not build."""
    tree = open_tree(path)
    try:
        with Kernels(tree, cache_folder(None) / "programs", Variant(sanitized=sanitized)) as kernels:
            yield kernels
    except BuildFailed as failed:
        raise BadInput(shown(str(failed))) from None


def open_tree(path: str) -> Tree:
    """The tree that the user names; BadInput if it is none."""
    try:
        return read_tree(Path(path), cache_folder(None) / "trees")
    except BadTree as bad:
        raise BadInput(str(bad)) from None


def _baseline(path: str | None, may_be_new: bool) -> dict[str, Known]:
    if path is None or (may_be_new and not Path(path).exists()):
        return {}
    try:
        return baseline.load(Path(path))
    except BadBaseline as bad:
        raise BadInput(f"{shown(path)}: {bad}") from None
    except OSError as error:
        raise BadInput(f"{shown(path)}: {error.strerror}") from None


def _judge(wish: Wish, tree: Tree, kernels: Kernels, known: dict[str, Known]) -> Outcome:
    survey = Survey(kernels, drives=kernels.drives)
    gusts = Gusts(survey, kernels)
    still = _still_there(kernels, known)
    vanished = sorted(set(known) - set(still))
    interrupted = _explore(wish, survey, gusts, known, tree)
    fresh = sorted(set(survey.found) - set(known))
    asked = fresh if known or not interrupted else []  # causes take long, and nothing hangs on them without a baseline
    cause = {name: why for name in asked if (why := cause_of(name, survey.found[name].trace, tree))}
    new = [name for name in fresh if not known or name not in cause]
    lines = [f"Linux {tree.release}, {shown(wish.tree)}"]
    lines.append(
        f"{survey.examples:,} examples, {survey.steps:,} steps, {survey.out_of_scope} out of scope, seed {wish.seed}"
    )
    lines.append(stormed(gusts))
    lines += table(known, vanished, cause, survey)
    lines += [f"no more: {name} ({known[name].explained or 'not explained'})" for name in vanished]
    kept = _kept(wish, kernels, {name: survey.found[name].trace for name in fresh}, interrupted)
    lines += [f"{Path(finding.folder) / 'report.txt'}" for finding in kept if finding.folder]
    findings = [
        replace(f, explained=cause.get(f.name, ""), state=State.NEW if f.name in new else State.KNOWN) for f in kept
    ]
    if wish.update:
        assert wish.known is not None
        entries = {name: entry for name, entry in known.items() if name not in vanished}
        entries |= {name: Known(survey.found[name].trace, cause.get(name, "")) for name in fresh}
        baseline.store(Path(wish.known), tree.release, entries)
        lines.append(f"{shown(wish.known)}: {len(entries)} findings, {len(fresh)} new, {len(vanished)} gone")
    if wish.coverage:
        lines += coverage.table(coverage.covered(kernels))
    if interrupted:
        lines.append(INTERRUPTED)
    findings += [*still.values(), *(_gone(name, known[name].trace) for name in vanished)]
    if (why := too_little(survey)) and not new:
        lines.append(why)
        why = "interrupted" if interrupted else why
        return _outcome(wish, tree, lines, survey, findings, Verdict.INCONCLUSIVE, why)
    left = len(known) - len(vanished) + len(fresh) - len(new)
    lines.append(f"{len(new)} new, {left} known, {len(vanished)} no more")
    verdict = Verdict.VIOLATED if new else Verdict.INCONCLUSIVE if interrupted else Verdict.HOLDS
    return _outcome(wish, tree, lines, survey, findings, verdict, "interrupted" if interrupted else "")


def _outcome(
    wish: Wish, tree: Tree, lines: list[str], survey: Survey, findings: list[Finding], verdict: Verdict, why: str,
    alone: bool = False,
) -> Outcome:  # fmt: skip
    """What the search in a tree came to, with a page of it; why: it is not finished, or says too little. alone: what another
    tree breaks too is left out.
    """
    checks = tuple(invariants(survey.tally.checks, survey.examples))
    broken = invariants_of(finding.name for finding in findings if finding.state is not State.GONE)
    title, left_out = (", what it alone breaks", "what the other tree breaks too is left out") if alone else ("", "")
    ran = Campaign(f"Linux {tree.release}{title}", tuple(lines), (), survey.tally.checks, (), broken, why or left_out)
    folders = [Path(finding.folder) for finding in findings if finding.folder]
    lines = [*lines, f"{page_files.keep(Path(wish.out), ran, folders)}"]
    return Outcome(
        "kernel", f"Linux {tree.release}, {shown(wish.tree)}", verdict, tuple(lines),
        undecided(checks, why) if why else checks, tuple(findings), wish.seed, str(tree.root),
    )  # fmt: skip


def _still_there(kernels: Kernels, known: dict[str, Known]) -> dict[str, Finding]:
    """What a baseline names and the tree still shows."""
    with bar() as progress:
        entries = progress.track(known.items(), description="what is known")
        found = {name: seen(kernels, entry.trace, name) for name, entry in entries}
    return {
        name: replace(finding, state=State.KNOWN, explained=known[name].explained)
        for name, finding in found.items()
        if finding is not None
    }


def _kept(wish: Wish, kernels: Kernels, traces: dict[str, Trace], hurry: bool) -> list[Finding]:
    """Each finding with its folder. hurry: the user waits; causes and needs are not looked for."""
    if hurry:
        kernels.anew()
    how = f"ddwcheck kernel{' --sanitize' if wish.sanitized else ''}, seed {wish.seed}"
    with bar() as progress:
        named = progress.track(traces.items(), description="reports")
        return [
            found
            for name, trace in named
            if (found := counterexample(_folder(wish, kernels, name), how, kernels, trace, name, hurry))
        ]


def _gone(name: str, trace: Trace) -> Finding:
    """A finding that the tree does not show."""
    steps = tuple(type(step.event).__name__ for step in trace.steps)
    return Finding(name.partition(":")[0], name, name, "what was kept", "not seen again", State.GONE, steps=steps)


def invariants_of(names: Iterable[str]) -> tuple[str, ...]:
    """The invariants that findings of these names break."""
    return tuple(sorted({name.partition(":")[0] for name in names}))


def cause_of(name: str, trace: Trace, tree: Tree) -> str:
    """The ids of the known defects that explain a finding, "" if none does."""
    return ", ".join(defect.id for defect in causes(name, trace, closest_release(tree.version)))


def _compare(wish: Wish, kernels: Kernels, before: Kernels) -> Outcome:
    """What a tree breaks that the other does not, and the other way round; each gets half of the time."""
    half = replace(wish, seconds=wish.seconds / 2)
    added, gone = Survey(kernels, shown_by(before), kernels.drives), Survey(before, shown_by(kernels), before.drives)
    storms = [Gusts(added, kernels), Gusts(gone, before)]
    interrupted = _explore(half, added, storms[0], {}, kernels.tree) or _explore(half, gone, storms[1], {}, before.tree)
    lines = [f"{kernels.tree.root} against {before.tree.root}"]
    lines.append(
        f"{added.examples + gone.examples:,} examples, {added.steps + gone.steps:,} steps, "
        f"{added.out_of_scope} and {gone.out_of_scope} out of scope, seed {wish.seed}"
    )
    lines += [stormed(gusts) for gusts in storms]
    findings = _kept(wish, kernels, {name: added.found[name].trace for name in sorted(added.found)}, interrupted)
    for finding in findings:
        steps = len(added.found[finding.name].trace.steps)
        lines.append(f"added    {steps:5}  {finding.name}")
        lines += [f"  {Path(finding.folder) / 'report.txt'}"] if finding.folder else []
    lines += [f"removed  {len(gone.found[name].trace.steps):5}  {name}" for name in sorted(gone.found)]
    findings += [_gone(name, gone.found[name].trace) for name in sorted(gone.found)]
    if interrupted:
        lines.append(INTERRUPTED)
    lines.append(f"{len(added.found)} added, {len(gone.found)} removed")
    if (why := too_little(added) or too_little(gone)) and not added.found:
        lines.append(why)
        why = "interrupted" if interrupted else why
        return _outcome(wish, kernels.tree, lines, added, findings, Verdict.INCONCLUSIVE, why, alone=True)
    verdict = Verdict.VIOLATED if added.found else Verdict.INCONCLUSIVE if interrupted else Verdict.HOLDS
    why = "interrupted" if interrupted else ""
    return _outcome(wish, kernels.tree, lines, added, findings, verdict, why, alone=True)


INTERRUPTED = "interrupted: the findings so far, not shrunk to the end"
MOST_OUT_OF_SCOPE = 0.1
"""The share of examples that may ask for more than the harness runs; the releases that are tested have about 0.02."""


def too_little(survey: Survey) -> str:
    """Why a survey that found nothing says nothing; "" if it does say something."""
    if survey.steps == 0:
        return "nothing was run"
    if survey.out_of_scope > MOST_OUT_OF_SCOPE * survey.examples:
        return f"{survey.out_of_scope} of {survey.examples} examples asked for more than is run here, such as {survey.beyond}"
    return ""


def stormed(gusts: Gusts) -> str:
    """What the storms did, in a line; a suspect that the judge does not confirm is no finding, and is counted."""
    judged, unconfirmed = sum(gusts.judged.values()), sum(gusts.unconfirmed.values())
    return (
        f"{gusts.scripts:,} scripts in storms: {gusts.suspects:,} suspects of {len(gusts.judged)} looks, {judged:,} judged, "
        f"{unconfirmed} not confirmed, {gusts.beyond} out of scope"
    )


def _explore(wish: Wish, survey: Survey, gusts: Gusts, known: dict[str, Known], tree: Tree) -> bool:
    """Look for violations with a live line, then shrink what is new; whether the user stopped it."""
    with spinner() as progress:
        task = progress.add_task(f"Linux {tree.release}")

        def tell() -> None:
            fresh = len(set(survey.found) - set(known))
            progress.update(task, description=f"Linux {tree.release}: {gusts.scripts:,} scripts, "
                            f"{survey.examples:,} examples, {survey.steps:,} steps, {fresh} new findings")  # fmt: skip

        with suppress(KeyboardInterrupt):
            gusts.rounds(wish.seconds * STORMS, wish.seed, tell)
            rounds(survey, wish.seconds * (1 - STORMS), wish.seed, tell)
            settle(survey, set(survey.found) - set(known), tell)
            return False
    return True


def shows(kernels: Kernels, trace: Trace, name: str) -> bool:
    """Whether a trace still shows the finding that it is kept for."""
    return any(sight.fingerprint == name for sight in watch(trace, kernels)[0])


def table(known: dict[str, Known], vanished: Iterable[str], cause: dict[str, str], survey: Survey) -> list[str]:
    """Each finding that the tree has, with its mark and how many steps its trace has; cause: the defects behind new ones."""
    gone = set(vanished)
    rows = [
        ("cause known" if name in cause else "NEW", len(finding.trace.steps), name)
        for name, finding in sorted(survey.found.items())
        if name not in known
    ]
    rows += [
        (entry.explained or "known", len(entry.trace.steps), name)
        for name, entry in sorted(known.items())
        if name not in gone
    ]
    if not rows:
        return ["all invariants held"]
    width = max(len(row[0]) for row in rows)
    lines = [f"{'':{width}}  steps  finding"]
    for mark, steps, name in rows:
        lines.append(f"{mark:{width}}  {steps:5}  {name}")
        if name in cause:
            lines.append(f"{'':{width + 9}}by {cause[name]}")
    return lines


def seen(kernels: Kernels, trace: Trace, name: str) -> Finding | None:
    """The finding that a trace is kept for, if it still shows it."""
    return _finding(kernels, *watch(trace, kernels), name)


def _finding(kernels: Kernels, sights: Sequence[Sight], run: Run | None, name: str) -> Finding | None:
    """The finding of that name among what a run on a tree's C showed, with the line it is about."""
    sight = next((sight for sight in sights if sight.fingerprint == name), None)
    if sight is None:
        return None
    violation, history = sight.violation, run.history if run is not None else ()
    steps = tuple(report.event_line(done, run.lpar) for done in history) if run is not None else ()
    place = where(kernels.tree.root, kernels.last_place(run) if run is not None else None, history)
    return Finding(
        violation.invariant, name, violation.message, value(violation.expected), value(violation.observed),
        steps=steps, place=place,
    )  # fmt: skip


def _folder(wish: Wish, kernels: Kernels, name: str) -> Path:
    return Path(wish.out) / re.sub(r"[^a-z0-9]+", "-", f"{kernels.tree.release} {name}".lower()).strip("-")[:100]


def counterexample(
    folder: Path, found: str, kernels: Kernels, trace: Trace, name: str, hurry: bool = False
) -> Finding | None:
    """Run a finding's trace once more and write its folder. found: by what; hurry: say nothing of causes and needs."""
    kernels.callers.clear()
    sights, run = watch(trace, kernels)
    finding = _finding(kernels, sights, run, name)
    if finding is None:
        return None
    violations = [sight.violation for sight in sights if sight.fingerprint == name]
    if run is not None:
        places = kernels.places(run)
        release = closest_release(kernels.tree.version)
        behind = [] if hurry else [defect.id for defect in causes(name, trace, release)]
        need = None if hurry else needs(trace, lambda other: shows(kernels, other, name), condition_of(behind))
        written_by = f"kernel {kernels.tree.release}"
        report.write(folder, run, violations, written_by, (), found, places, need, behind, finding.place)
        finding = replace(finding, folder=str(folder))
    return finding
