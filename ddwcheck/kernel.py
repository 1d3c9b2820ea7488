# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck kernel`: the life-cycle machines on the C code of a kernel tree."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from conformance import baseline, coverage
from conformance.baseline import BadBaseline, Known
from conformance.cause import causes, closest_release
from conformance.coverage import counted
from conformance.gusts import Gusts
from conformance.kernel.build import BuildFailed, Variant
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import PARTS, BadTree, Tree, read_tree
from conformance.survey import Survey, rounds, settle, shown_by, watch
from ddwcheck import BadInput, Verdict, page_files, report
from ddwcheck.campaign import Campaign
from ddwcheck.log_files import shown
from ddwcheck.need import needs
from ddwcheck.sources import cache_folder
from model.trace import Trace

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


def judge(wish: Wish) -> tuple[list[str], Verdict]:
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


def _judge(wish: Wish, tree: Tree, kernels: Kernels, known: dict[str, Known]) -> tuple[list[str], Verdict]:
    survey = Survey(kernels)
    gusts = Gusts(survey, kernels)
    vanished = sorted(name for name, entry in known.items() if not shows(kernels, entry.trace, name))
    interrupted = _explore(wish, survey, gusts, known, tree)
    fresh = sorted(set(survey.found) - set(known))
    cause = {name: why for name in fresh if (why := cause_of(name, survey.found[name].trace, tree))}
    new = [name for name in fresh if not known or name not in cause]
    lines = [f"Linux {tree.release}, {shown(wish.tree)}"]
    lines.append(
        f"{survey.examples:,} examples, {survey.steps:,} steps, {survey.out_of_scope} out of scope, seed {wish.seed}"
    )
    lines.append(stormed(gusts))
    lines += table(known, vanished, cause, survey)
    lines += [f"no more: {name} ({known[name].explained or 'not explained'})" for name in vanished]
    folders = {name: counterexample(wish, kernels, survey.found[name].trace, name) for name in fresh}
    if wish.update:
        assert wish.known is not None
        kept = {name: entry for name, entry in known.items() if name not in vanished}
        kept |= {name: Known(survey.found[name].trace, cause.get(name, "")) for name in fresh}
        baseline.store(Path(wish.known), tree.release, kept)
        lines.append(f"{shown(wish.known)}: {len(kept)} findings, {len(fresh)} new, {len(vanished)} gone")
    if wish.coverage:
        lines += coverage.table(coverage.covered(kernels))
    if interrupted:
        lines.append("interrupted: the findings so far, not shrunk to the end")
    why = too_little(survey)
    still = len(known) - len(vanished) + len(fresh) - len(new)
    lines.append(why if why and not new else f"{len(new)} new, {still} known, {len(vanished)} no more")
    ran = Campaign(
        f"Linux {tree.release}", tuple(lines), (), survey.tally.checks, (), invariants_of({*known, *fresh} - {*vanished}),
        "interrupted" if interrupted else why,
    )  # fmt: skip
    kept_in = [folder for folder in folders.values() if folder]
    lines[-1:-1] = [f"{folder / 'report.txt'}" for folder in kept_in]
    lines.append(f"{page_files.keep(Path(wish.out), ran, kept_in)}")
    return lines, Verdict.VIOLATED if new else Verdict.INCONCLUSIVE if why or interrupted else Verdict.HOLDS


def invariants_of(names: Iterable[str]) -> tuple[str, ...]:
    """The invariants that findings of these names break."""
    return tuple(sorted({name.partition(":")[0] for name in names}))


def cause_of(name: str, trace: Trace, tree: Tree) -> str:
    """The ids of the known defects that explain a finding, "" if none does."""
    return ", ".join(defect.id for defect in causes(name, trace, closest_release(tree.version)))


def _compare(wish: Wish, kernels: Kernels, before: Kernels) -> tuple[list[str], Verdict]:
    """What a tree breaks that the other does not, and the other way round; each gets half of the time."""
    half = replace(wish, seconds=wish.seconds / 2)
    added, gone = Survey(kernels, shown_by(before)), Survey(before, shown_by(kernels))
    storms = [Gusts(added, kernels), Gusts(gone, before)]
    interrupted = _explore(half, added, storms[0], {}, kernels.tree) or _explore(half, gone, storms[1], {}, before.tree)
    lines = [f"{kernels.tree.root} against {before.tree.root}"]
    lines.append(
        f"{added.examples + gone.examples:,} examples, {added.steps + gone.steps:,} steps, "
        f"{added.out_of_scope} and {gone.out_of_scope} out of scope, seed {wish.seed}"
    )
    lines += [stormed(gusts) for gusts in storms]
    folders = {name: counterexample(wish, kernels, added.found[name].trace, name) for name in sorted(added.found)}
    lines += [f"added    {len(added.found[name].trace.steps):5}  {name}" for name in folders]
    lines += [f"removed  {len(gone.found[name].trace.steps):5}  {name}" for name in sorted(gone.found)]
    if interrupted:
        lines.append("interrupted: the findings so far, not shrunk to the end")
    lines.append(f"{len(added.found)} added, {len(gone.found)} removed")
    why = too_little(added) or too_little(gone)
    lines += [why] if why and not added.found else []
    ran = Campaign(
        f"Linux {kernels.tree.release}, what it alone breaks", tuple(lines), (), added.tally.checks, (),
        invariants_of(added.found), "interrupted" if interrupted else "what the other tree breaks too is left out",
    )  # fmt: skip
    kept_in = [folder for folder in folders.values() if folder]
    lines[-1:-1] = [f"{folder / 'report.txt'}" for folder in kept_in]
    lines.append(f"{page_files.keep(Path(wish.out), ran, kept_in)}")
    return lines, Verdict.VIOLATED if added.found else Verdict.INCONCLUSIVE if why or interrupted else Verdict.HOLDS


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
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
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


def counterexample(wish: Wish, kernels: Kernels, trace: Trace, name: str) -> Path | None:
    """Run a finding's trace once more and write its folder; None if the kernel does not even boot."""
    kernels.callers.clear()
    sights, run = watch(trace, kernels)
    folder = Path(wish.out) / re.sub(r"[^a-z0-9]+", "-", f"{kernels.tree.release} {name}".lower()).strip("-")[:100]
    violations = [sight.violation for sight in sights if sight.fingerprint == name]
    found = f"ddwcheck kernel{' --sanitize' if wish.sanitized else ''}, seed {wish.seed}"
    if run is None:
        return None
    places = kernels.places(run)
    behind = [defect.id for defect in causes(name, trace, closest_release(kernels.tree.version))]
    need = needs(trace, lambda other: shows(kernels, other, name))
    return report.write(folder, run, violations, f"kernel {kernels.tree.release}", (), found, places, need, behind)
