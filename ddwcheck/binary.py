# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck binary`: whether the compiled code of each release decides what the model's rules of that release say."""

import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from conformance.kernel.apt import NoSource
from conformance.kernel.build import BuildFailed, Variant, build_decisions
from conformance.kernel.sources import fetch
from conformance.kernel.tree import BadTree, read_tree
from ddwcheck import BadInput, Verdict, drawn, worst, wrapped
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.sources import cache_folder
from model.defects import RELEASES
from proofs.binary import decisions
from proofs.binary.comparison import PAGE, Comparison
from proofs.binary.engine import Engine, NoFormula
from proofs.binary.not_compared import NOT_COMPARED
from proofs.prover import Verdict as Proved

COMPARISONS = decisions.COMPARISONS


class Row(NamedTuple):
    """What came of one decision of one release. wrong: the wrong rules that were not refuted, each with its verdict."""

    comparison: Comparison
    release: str
    verdict: Proved
    detail: str
    wrong: tuple[str, ...]
    paths: int
    seconds: float

    @property
    def judgement(self) -> Verdict:
        """As an exit code: green needs each wrong rule refuted."""
        if self.verdict is Proved.REFUTED:
            return Verdict.VIOLATED
        return Verdict.HOLDS if self.verdict is Proved.PROVED and not self.wrong else Verdict.INCONCLUSIVE


class Wish(NamedTuple):
    """What the user asked for. names: theorems or patterns of these, none for all. python: that of angr's environment."""

    names: Sequence[str]
    releases: Sequence[str]
    python: str
    cache: str | None


def compare(wish: Wish) -> tuple[list[str], Verdict]:
    """The table and the verdict. BadInput if there is nothing to compare, no angr, no source or no program."""
    chosen = selection(wish.names)
    releases = list(dict.fromkeys(wish.releases)) or list(RELEASES)
    for release in releases:
        if release not in RELEASES:
            raise BadInput(f"--release {shown(release)} is not one of {', '.join(RELEASES)}")
    wanted = [(one, release) for release in releases for one in chosen if release in one.releases]
    if not wanted:
        raise BadInput("nothing to compare: that decision has no rule on words in that release")
    if not Path(wish.python).is_file():
        raise BadInput(f"{shown(wish.python)}: no Python of an environment with angr; `make prove-binary` makes one")
    programs = {release: program(release, wish.cache) for release in releases}
    rows: list[Row] = []
    interrupted = False
    with bar() as progress:
        task = progress.add_task("decisions", total=len(wanted))
        try:
            for row in judged(wanted, programs, wish.python):
                rows.append(row)
                progress.update(task, advance=1, description=f"{row.release} {row.comparison.function}")
        except KeyboardInterrupt:
            interrupted = True
    lines = [*table(rows), *(line for row in rows for line in told(row)), *left_out()]
    lines += [f"{len(rows)} of {len(wanted)} compared"] + ["interrupted"] * interrupted
    return lines, worst([*(row.judgement for row in rows), *[Verdict.INCONCLUSIVE] * interrupted])


def selection(names: Sequence[str]) -> list[Comparison]:
    """The comparisons that are named by their theorem or the kernel's function; BadInput for a name of none."""
    for name in names:
        if not any(is_named(one, name) for one in COMPARISONS.values()):
            raise BadInput(f"no comparison is called {shown(name)}")
    return [one for one in COMPARISONS.values() if not names or any(is_named(one, name) for name in names)]


def is_named(one: Comparison, name: str) -> bool:
    """Whether a name or pattern is that of its theorem or of its function."""
    return fnmatchcase(one.name, name) or fnmatchcase(one.function, name)


def program(release: str, cache: str | None) -> Path:
    """The program of decisions of a release's newest source; BadInput if it cannot be had."""
    folder = cache_folder(cache)
    try:
        tree = read_tree(fetch(release, folder), folder)
        return build_decisions(tree, Variant(page=PAGE), folder / "programs")
    except (NoSource, BadTree, BuildFailed) as error:
        raise BadInput(str(error)) from None


def judged(wanted: list[tuple[Comparison, str]], programs: dict[str, Path], python: str) -> Iterator[Row]:
    """A row for each; ERROR for a decision without a formula."""
    with Engine(Path(python)) as engine:
        for one, release in wanted:
            began = time.perf_counter()
            try:
                code = engine.code(programs[release], one.decision, one.asked, one.told, one.bound, one.merge)
            except NoFormula as reason:
                yield Row(one, release, Proved.ERROR, str(reason), (), 0, time.perf_counter() - began)
                continue
            proof, wrong = one.judge(code, release)
            unrefuted = [
                f"{name} is {p.verdict} {p.detail}" for name, p in wrong.items() if p.verdict is not Proved.REFUTED
            ]
            unrefuted += [f"the proof goes through without the assumption {name}" for name in proof.unused]
            seconds = time.perf_counter() - began
            yield Row(one, release, proof.verdict, proof.detail, tuple(unrefuted), len(code.paths), seconds)


def table(rows: list[Row]) -> list[str]:
    """One line for each."""
    made = Table("function", "release", "verdict", box=None, pad_edge=False)
    for name in ("wrong rules refuted", "paths", "seconds"):
        made.add_column(name, justify="right")
    for row in rows:
        verdict = "NOT GREEN" if row.verdict is Proved.PROVED and row.wrong else str(row.verdict)
        refuted = "all" if row.verdict is not Proved.ERROR and not row.wrong else "no"
        made.add_row(row.comparison.function, row.release, verdict, refuted, str(row.paths), f"{row.seconds:.1f}")
    return drawn(made, 130)


def told(row: Row) -> list[str]:
    """Why a row is not green."""
    if row.judgement is Verdict.HOLDS:
        return []
    last = row.detail.strip().splitlines()[-1:]
    lines = ["", f"{row.verdict} {row.release} {row.comparison.function}: {row.comparison.sentence}"]
    lines += [f"  {line.strip().splitlines()[-1]}" for line in (*last, *row.wrong)]
    return [piece for line in lines for piece in wrapped(line)]


def left_out() -> list[str]:
    """What is not compared."""
    return ["", "not compared:", *(p for name, why in NOT_COMPARED.items() for p in wrapped(f"  {name}: {why}")), ""]
