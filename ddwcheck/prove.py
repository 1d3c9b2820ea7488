# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck prove`: the obligations in parallel, a table and a report; on the reference or with the rules of a release."""

import json
import os
import platform
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from multiprocessing import get_context
from pathlib import Path

from rich.table import Table

from ddwcheck import BadInput, Verdict, campaign, drawn, page_files, prove_report, worst, wrapped
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.outcome import Check, Finding, Outcome, undecided
from ddwcheck.sources import cache_folder
from model.defects import REFERENCE, RELEASES
from proofs import cache, drat, judged
from proofs.judged import NOT_RUN, Question, Row
from proofs.obligation import Obligation, everything
from proofs.prover import Proof
from proofs.prover import Verdict as Proved
from proofs.written import differences

VERSION = 1
"""Of the report's format."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. names: ids or shell patterns of theorems; none for all. report: the file to write. out: a
    folder for what is refuted, with a page of it.
    """

    names: Sequence[str]
    question: Question
    report: str
    cached: bool
    jobs: int
    out: str | None = None


def prove(wish: Wish) -> Outcome:
    """The table and the verdict: green if every theorem is proved. BadInput if there is nothing to prove."""
    if wish.question.release not in (REFERENCE, *RELEASES):
        raise BadInput(f"--release {shown(wish.question.release)} is not one of {', '.join((REFERENCE, *RELEASES))}")
    if wish.question.second and wish.question.release != REFERENCE:
        raise BadInput("--second goes with the reference alone")
    chosen = selection(wish.names)
    if wish.question.second and not drat.is_installed():
        raise BadInput("--second needs cadical, which is not installed")
    make_room(Path(wish.report))
    if wish.out is not None:
        page_files.make_room(wish.out)
    rows, interrupted = run(chosen, wish)
    complaints = [] if wish.names else differences(row["id"] for row in rows)
    write(Path(wish.report), wish, rows, complaints, interrupted)
    lines = [*table(rows), *(line for row in rows for line in told(row)), summary(rows)]
    lines += ["interrupted"] if interrupted else complaints
    lines.append(wish.report)
    outcome = judged_as(wish, rows, lines, "interrupted" if interrupted else "; ".join(complaints))
    return outcome if wish.out is None else keep(outcome, rows, wish.question.release, Path(wish.out))


def judged_as(wish: Wish, rows: list[Row], lines: list[str], incomplete: str) -> Outcome:
    """The rows as checks, each refuted one with its finding. incomplete: why they are not all that there are."""
    checks = tuple(map(_check, rows))
    findings = tuple(
        Finding(row["id"], row["id"], row["sentence"], prove_report.EXPECTED, prove_report.observed(row),
                explained=", ".join(row["defects"]), steps=tuple(prove_report.inputs(row)))
        for row in rows if row["verdict"] == Proved.REFUTED
    )  # fmt: skip
    release = wish.question.release
    return Outcome(
        "prove", f"theorems, {prove_report.whose(release)}", verdict(rows, bool(incomplete)), tuple(lines),
        undecided(checks, incomplete) if incomplete else checks, findings, wish.question.seed,
    )  # fmt: skip


def _check(row: Row) -> Check:
    """A theorem: what is not proved, or not without a complaint, is no pass."""
    if row["verdict"] == NOT_RUN:
        return Check(row["id"], row["sentence"], 0, "the release decides in another way")
    unclear = (
        "" if row["verdict"] == Proved.REFUTED else "; ".join(one.splitlines()[-1] for one in row["complaints"] if one)
    )
    if not unclear and row["verdict"] not in (Proved.PROVED, Proved.REFUTED):
        unclear = row["verdict"]
    return Check(row["id"], row["sentence"], 1, unclear=unclear)


def keep(outcome: Outcome, rows: list[Row], release: str, out: Path) -> Outcome:
    """The outcome with a folder for each refuted theorem, and their page."""
    refuted = {row["id"]: row for row in rows if row["verdict"] == Proved.REFUTED}
    folders = {id: prove_report.write(out / id.split("::")[1], row, release) for id, row in refuted.items()}
    findings = tuple(replace(finding, folder=str(folders[finding.check])) for finding in outcome.findings)
    index = page_files.keep(out, campaign.of(outcome), folders.values())
    return replace(outcome, findings=findings, lines=(*outcome.lines, f"{index}"))


def selection(names: Sequence[str]) -> list[Obligation]:
    """The obligations of these ids, files, or shell patterns of either; BadInput for one that names none."""
    known = everything()
    for name in names:
        if not any(is_named(key, name) for key in known):
            raise BadInput(f"no obligation is called {shown(name)}")
    return [o for key, o in known.items() if not names or any(is_named(key, name) for name in names)]


def is_named(key: str, name: str) -> bool:
    """Whether a name or pattern is the id of an obligation, or one of its two parts."""
    return any(fnmatchcase(part, name) for part in (key, *key.split("::")))


def make_room(report: Path) -> None:
    """BadInput before anything is proved if the report cannot be written."""
    if report.is_dir() or not os.access(report if report.exists() else report.parent, os.W_OK):
        raise BadInput(f"{shown(str(report))}: cannot be written to")


def run(chosen: list[Obligation], wish: Wish) -> tuple[list[Row], bool]:
    """Their rows in the order of the files, and whether the user stopped it; what was done until then is there."""
    folder = cache_folder(None) / "proofs"
    names = {o.key: cache.key(o, wish.question) for o in chosen}
    rows = {o.key: row for o in chosen if wish.cached and (row := cache.load(folder, names[o.key]))}
    todo = [o for o in chosen if o.key not in rows]
    interrupted = False
    with bar() as progress:
        task = progress.add_task("theorems", total=len(chosen), completed=len(rows))
        try:
            for row in in_parallel(todo, wish):
                rows[row["id"]] = row
                if wish.cached:
                    cache.store(folder, names[row["id"]], row)
                progress.update(task, advance=1, description=row["id"].split("::")[1][:60])
        except KeyboardInterrupt:
            interrupted = True
    return [rows[o.key] for o in chosen if o.key in rows], interrupted


def in_parallel(todo: list[Obligation], wish: Wish) -> Iterator[Row]:
    """The rows as they are done; ERROR for what a worker could not answer."""
    if not todo:
        return
    pool = ProcessPoolExecutor(min(wish.jobs, len(todo)), get_context("spawn"), ignore_interrupts)
    try:
        asked: dict[Future[Row], Obligation] = {pool.submit(work, o.key, wish.question): o for o in todo}
        for future in as_completed(asked):
            try:
                yield future.result()
            except Exception as broken:  # whatever ends a worker
                proof = Proof(Proved.ERROR, repr(broken))
                yield judged.row_of(asked[future], proof, [f"{proof.verdict}: {proof.detail}"])
    except KeyboardInterrupt:
        for process in pool._processes.values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def ignore_interrupts() -> None:
    """Ctrl-C is for the process that collects the rows."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(key: str, question: Question) -> Row:
    """One row, in a process of its own."""
    return judged.judge(everything()[key], question)


def verdict(rows: list[Row], incomplete: bool) -> Verdict:
    """What the rows come to."""
    judgement = {Proved.PROVED: Verdict.HOLDS, Proved.REFUTED: Verdict.VIOLATED}
    found = [judgement.get(Proved(row["verdict"]), Verdict.INCONCLUSIVE) for row in rows if row["verdict"] != NOT_RUN]
    unsure = incomplete or any(row["verdict"] == NOT_RUN or row["complaints"] for row in rows)
    return worst([*found, *([Verdict.INCONCLUSIVE] if unsure else [])])


def write(path: Path, wish: Wish, rows: list[Row], complaints: list[str], interrupted: bool) -> None:
    """The report, as JSON."""
    report = {
        "ddwcheck_proofs": VERSION,
        "release": wish.question.release,
        "seed": wish.question.seed,
        "versions": {"python": platform.python_version(), **cache.solvers()},
        "all": not wish.names and not interrupted and not complaints,
        "obligations": rows,
    }
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(report, indent=1) + "\n")
    fresh.replace(path)


def table(rows: list[Row]) -> list[str]:
    """One line for each theorem."""
    made = Table("theorem", "supports", "verdict", "seconds", "rlimit", box=None, pad_edge=False)
    for row in rows:
        verdict = row["verdict"] if not row["complaints"] or row["verdict"] != Proved.PROVED else "NOT GREEN"
        seconds = "cached" if row["cached"] else f"{row['seconds']:.1f}"
        made.add_row(row["id"].split("::")[1], row["supports"], verdict, seconds, f"{row['rlimit']:,}")
    return drawn(made, 130)


def told(row: Row) -> list[str]:
    """Why a theorem is not green."""
    if row["verdict"] == Proved.PROVED and row["detail"]:
        return ["", f"{row['verdict']} {row['id']}", f"  {row['detail']}"]
    if row["verdict"] == NOT_RUN or not row["complaints"]:
        return []
    lines = ["", f"{row['verdict']} {row['id']}", f"  {row['sentence']}"]
    if row["counterexample"]:
        lines.append("  the smallest counterexample:" if row["smallest"] else "  a counterexample:")
        lines += [f"    {name} = {value:#x} ({value})" for name, value in row["counterexample"].items()]
        lines += [f"  lost by {defect}" for defect in row["defects"]]
    lines += [f"  {complaint.splitlines()[-1]}" for complaint in row["complaints"] if complaint.strip()]
    return [piece for line in lines for piece in wrapped(line)]


def summary(rows: list[Row]) -> str:
    """How many there are of each verdict."""
    counted = Counter(row["verdict"] for row in rows)
    return f"{len(rows)} theorems: " + ", ".join(f"{number} {verdict}" for verdict, number in counted.items())
