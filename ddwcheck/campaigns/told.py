# SPDX-License-Identifier: GPL-2.0-or-later
"""What a store comes to: tables, verdict, a folder for each finding, and the page of all."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from rich.table import Table

from conformance.survey import watch
from ddwcheck import Verdict, drawn, page_files, report, wrapped
from ddwcheck.campaign import Campaign, Goals, Machine
from ddwcheck.campaigns.plan import Target, Unit
from ddwcheck.campaigns.store import Kept, Store, Total
from ddwcheck.campaigns.work import kernels_at, sides
from ddwcheck.checks import invariants, value
from ddwcheck.kernel import MOST_OUT_OF_SCOPE, cause_of, counterexample, invariants_of
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.outcome import Finding, Outcome, undecided
from model.defects import REFERENCE
from model.trace import from_json
from properties.goals import GOALS


def report_on(
    store: Store, targets: Sequence[Target], seed: int, out: Path, failed: Sequence[tuple[Unit, str]], stopped: str,
    whole: bool,
) -> Outcome:  # fmt: skip
    """Tables and verdict. failed: units without an answer; stopped: why the campaign did not come to its end, "" if it did;
    whole: each part of the plan has been carried out at least once.
    """
    totals, kept = store.totals(), store.findings()
    checks, goals = store.counted("checks"), list(goals_of(store, targets))
    findings = list(kept_as_folders(kept, {target.name: target for target in targets}, seed, out, bool(stopped)))
    why = "; ".join(open_questions(totals, goals, failed, stopped, whole))
    steps, examples = sum(total.steps for total in totals), sum(total.examples for total in totals)
    lines = [
        f"{shown(str(store.path))}: {sum(total.units for total in totals):,} units, {examples:,} examples, {steps:,} steps, "
        f"{sum(total.out_of_scope for total in totals)} out of scope, {store.seconds():,.0f} s, seed {seed}",
        *machines(totals), *table(kept, findings),
    ]  # fmt: skip
    for each in goals:
        lines.append(f"Reach goals of {each.family}: {each.number - len(each.missed)} of {each.number} seen")
    lines += [piece for unit, reason in failed for piece in wrapped(f"unit {unit.number} ({unit.work}): {reason}")]
    lines += wrapped(f"open: {why}") if why else []
    broken = invariants_of(one.fingerprint for one in kept)
    ran = Campaign(
        f"campaign, seed {seed}", tuple(lines), tuple(map(machine, totals)), dict(checks), tuple(goals), broken, why
    )
    try:
        lines.append(str(page_files.keep(out, ran, [Path(one.folder) for one in findings if one.folder])))
    except OSError as error:
        lines.append(f"{shown(str(out))}: {error.strerror}, so there is no page of this campaign")
    verdict = Verdict.VIOLATED if kept else Verdict.INCONCLUSIVE if why else Verdict.HOLDS
    judged = tuple(invariants(checks, examples))
    names = ", ".join(target.name for target in targets)
    return Outcome(
        "campaign", names, verdict, tuple(lines), undecided(judged, why) if why else judged, tuple(findings), seed
    )


def open_questions(
    totals: Sequence[Total], goals: Sequence[Goals], failed: Sequence[tuple[Unit, str]], stopped: str, whole: bool
) -> Iterator[str]:
    """Why nothing that did not break is said to hold."""
    if stopped:
        yield stopped
    if failed:
        yield f"{len(failed)} units have no answer"
    if not whole:
        yield "not every part of the plan has been carried out once"
    for goal in goals:
        if goal.missed:
            yield f"{len(goal.missed)} reach goals of {goal.family} were not seen, such as {goal.missed[0]}"
    for name in dict.fromkeys(total.target for total in totals):
        mine = [total for total in totals if total.target == name]
        examples, beyond = sum(total.examples for total in mine), sum(total.out_of_scope for total in mine)
        if beyond > MOST_OUT_OF_SCOPE * examples:
            yield f"{name}: {beyond} of {examples} examples asked for more than is run here"


def goals_of(store: Store, targets: Sequence[Target]) -> Iterator[Goals]:
    """The reach goals of the reference; other guests need not come to them."""
    if any(target.name == REFERENCE for target in targets):
        reached = store.counted("reached", REFERENCE)
        yield Goals("life-cycle", len(set(GOALS)), tuple(sorted(goal for goal in set(GOALS) if not reached[goal])))


def machine(total: Total) -> Machine:
    """A row for the page."""
    return Machine(f"{total.target} {total.work}", total.examples, total.steps, total.seconds)


def machines(totals: Sequence[Total]) -> list[str]:
    """What was done."""
    made = Table("guest", "part", "units", "examples", "steps", "steps/s", box=None, pad_edge=False)
    for each in totals:
        rate = each.steps / each.seconds if each.seconds else 0.0
        made.add_row(each.target, each.work, f"{each.units:,}", f"{each.examples:,}", f"{each.steps:,}", f"{rate:,.0f}")
    return drawn(made, 130)


def table(kept: Sequence[Kept], findings: Sequence[Finding]) -> list[str]:
    """Each finding: in how many examples it came up, and how long its trace is."""
    if not kept:
        return ["no invariant was broken"]
    lines = ["times  steps  finding"]
    for one, finding in zip(kept, findings, strict=True):
        lines.append(f"{one.times:5}  {len(one.trace['steps']):5}  {one.fingerprint}")
        about = [f"on {one.target}{'' if one.is_shrunk else ', not shrunk'}"]
        about += [f"by {finding.explained}"] if finding.explained else []
        about.append(
            str(Path(finding.folder) / "report.txt") if finding.folder else "not seen again, or no room for it"
        )
        lines += [f"{'':14}{line}" for line in about]
    return lines


def kept_as_folders(
    kept: Sequence[Kept], targets: dict[str, Target], seed: int, out: Path, hurry: bool
) -> Iterator[Finding]:
    """Each finding with its folder, "" where its trace does not show it again. hurry: say nothing of causes and needs."""
    with bar() as shows:
        for one in shows.track(kept, description="reports"):
            blank = Finding(one.invariant, one.fingerprint, one.fingerprint, "what was kept", "not seen again")
            try:
                yield folder_of(one, targets[one.target], seed, out, hurry) or blank
            except OSError:
                yield blank


def folder_of(one: Kept, target: Target, seed: int, out: Path, hurry: bool) -> Finding | None:
    """Run a finding's trace once more and write its folder; None if it is not seen again."""
    trace, (guest, hypervisor) = from_json(one.trace), sides(target)
    found = f"ddwcheck campaign, seed {seed}, unit {one.unit}"
    folder = out / name_of(one)
    if target.tree:
        kernels = kernels_at(target.tree, target.state)
        finding = counterexample(folder, found, kernels, trace, one.fingerprint, hurry)
        return finding and replace(finding, explained="" if hurry else cause_of(one.fingerprint, trace, kernels.tree))
    sights, run = watch(trace, guest, hypervisor)
    violations = [sight.violation for sight in sights if sight.fingerprint == one.fingerprint]
    if not violations or run is None:
        return None
    report.write(folder, run, violations, REFERENCE, target.defects, found)
    first = violations[0]
    return Finding(
        first.invariant, one.fingerprint, first.message, value(first.expected), value(first.observed),
        steps=tuple(report.event_line(done, run.lpar) for done in run.history), folder=str(folder),
    )  # fmt: skip


def name_of(one: Kept) -> str:
    """A folder of its own for each finding."""
    words = re.sub(r"[^a-z0-9]+", "-", one.fingerprint.lower()).strip("-")[:80]
    return f"{words}-{sha256(f'{one.target} {one.fingerprint}'.encode()).hexdigest()[:8]}"
