# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck findings`: the counterexample of each finding that FINDINGS.md lists, made anew on the kernel's C and on QEMU."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import conformance
from conformance import baseline
from conformance.baseline import Known
from conformance.by_hand import BY_HAND
from conformance.cause import causes, closest_release
from conformance.kernel.build import BuildFailed
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import BadTree, read_tree
from conformance.qemu import shown as on_qemu
from conformance.qemu.guest import NotInstalled, require_programs
from conformance.shrink import bounded, shrink
from conformance.survey import watch
from ddwcheck import BadInput, Verdict, listed, page_files, qemu_report, report
from ddwcheck.campaign import Campaign
from ddwcheck.checks import where
from ddwcheck.listed import Listed
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.need import needs
from ddwcheck.sources import cache_folder
from model.defects import catalogue
from model.trace import Trace
from proofs.conditions import condition_of

KEPT = Path(conformance.__file__).parent
PATIENCE, SECONDS = 300, 5.0
"""Runs and time for making one trace shorter."""


class Made(NamedTuple):
    """What became of a finding. on: what showed it; why: it has no folder, "" if it has; gone: it was not seen again."""

    row: Listed
    on: str = ""
    why: str = ""
    gone: bool = False


def generate(path: str, out: str, wanted: Sequence[str]) -> tuple[list[str], Verdict]:
    """Write the folders and say of each finding where it is, or why it is not.

    VIOLATED if one was not seen again, INCONCLUSIVE if one could not be made or the user stopped it. BadInput for a file
    that lists no findings, or for one that is not listed.
    """
    rows = _rows(path, wanted)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{shown(out)}: {error.strerror}") from None
    made: dict[str, Made] = {}
    with bar() as progress, suppress(KeyboardInterrupt):
        task = progress.add_task("findings", total=len(rows))
        for one in chain(_of_kernels(rows, folder), _of_qemu(rows, folder)):
            made[one.row.id] = one
            progress.update(task, completed=len(made), description=f"findings: {one.row.id}")
    told = [made.get(row.id, Made(row, why="interrupted")) for row in rows]
    lines = [
        f"{one.row.id:4} {folder / one.row.id}: {one.on}" if not one.why else f"{one.row.id:4} not generated: {one.why}"
        for one in told
    ]
    missing = [one for one in told if one.why]
    lines.append(f"{len(rows) - len(missing)} of {len(rows)} findings have their folder")
    done = (folder / one.row.id for one in told if not one.why)
    if there := [path for path in done if (path / page_files.MARK).exists()]:
        lines.append(f"{keep(folder, lines, there)}")
    verdict = Verdict.INCONCLUSIVE if missing else Verdict.HOLDS
    return lines, Verdict.VIOLATED if any(one.gone for one in told) else verdict


def keep(folder: Path, lines: Sequence[str], there: Sequence[Path]) -> Path:
    """The page of all that have their folder: by what they break, which is all that was looked at."""
    broken = [page_files.leaf(path).exhibit for path in there]
    looked_at = Counter(found.invariant for found in broken)
    ran = Campaign("what FINDINGS.md lists", tuple(lines), (), looked_at, (), tuple(looked_at),
                   sentences={found.invariant: found.sentence for found in broken})  # fmt: skip
    return page_files.keep(folder, ran, there)


def _rows(path: str, wanted: Sequence[str]) -> list[Listed]:
    """The rows that are wanted, all if none is named."""
    try:
        rows = listed.read(Path(path))
    except (OSError, ValueError) as error:
        raise BadInput(f"{shown(path)}: {getattr(error, 'strerror', None) or error}") from None
    if not rows:
        raise BadInput(f"{shown(path)}: lists no finding")
    for name in wanted:
        if name not in {row.id for row in rows}:
            raise BadInput(f"{shown(path)}: lists no finding {name!r}")
    return [row for row in rows if not wanted or row.id in wanted]


def _of_kernels(rows: Sequence[Listed], folder: Path) -> Iterator[Made]:
    """Each finding of the kernel, on the newest of its releases that is here and has a trace of it."""
    chosen: dict[str, list[tuple[Listed, str, Trace]]] = {}
    for row in rows:
        if row.rule:
            continue
        name, why = _release(row)
        if name is None:
            yield Made(row, why=why)
        else:
            chosen.setdefault(name, []).append((row, *best(row, name)))
    for release in sorted(chosen, key=_number, reverse=True):
        cache = cache_folder(None)
        try:
            tree = read_tree(cache / f"linux-source-{release}", cache)
            with Kernels(tree, cache / "programs") as kernels:
                for row, name, trace in chosen[release]:
                    yield make(kernels, row, name, trace, folder / row.id)
        except BuildFailed as failed:
            raise BadInput(shown(str(failed))) from None


def _number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _release(row: Listed) -> tuple[str | None, str]:
    """The newest release that can be run for a finding; without one, why not."""
    cache, why = cache_folder(None), "shown on no release's C"
    for release in sorted(row.releases, key=_number, reverse=True):
        if not kept(row, release):
            why = f"no trace of it is kept for {release}"
            continue
        try:
            read_tree(cache / f"linux-source-{release}", cache)
        except BadTree:
            why = f"the source of {release} is not here: ddwcheck sources {release}"
            continue
        return release, ""
    return None, why


def kept(row: Listed, release: str) -> list[tuple[str, Trace]]:
    """The traces that show a finding on a release, the plainest first: its own, then shared ones, then by length."""
    if row.id in BY_HAND:
        return [BY_HAND[row.id]] if release in row.releases else []
    found = []
    breaks = {catalogue()[name].breaks for name in row.defects if name in catalogue()}
    for name, known in baseline_of(release).items():
        entries = re.findall(r"F\d+", known.explained)
        if row.id in entries:
            off = name.partition(":")[0] not in breaks
            found.append(((len(entries), off, len(known.trace.steps), name), (name, known.trace)))
    return [one for _, one in sorted(found, key=lambda item: item[0])]


def best(row: Listed, release: str) -> tuple[str, Trace]:
    """The first trace that one of the finding's defects explains on that release; the first of all if none does.

    None does where the model does not show what the C does: a crash, or what no defect of the release describes.
    """
    candidates = kept(row, release)
    return next((one for one in candidates if explained(row, *one, release)), candidates[0])


def explained(row: Listed, name: str, trace: Trace, release: str) -> list[str]:
    """The defects of a finding that explain what a trace shows on a release."""
    return [defect.id for defect in causes(name, trace, release) if defect.id in row.defects]


@cache
def baseline_of(release: str) -> dict[str, Known]:
    """What is known of a release."""
    return baseline.load(KEPT / f"baseline-{release}.json")


def make(kernels: Kernels, row: Listed, name: str, trace: Trace, folder: Path) -> Made:
    """One finding on a tree's C, as short as it can be in a while, as a folder that replaces an older one."""
    release = closest_release(kernels.tree.version)

    def shows(other: Trace) -> bool:
        return any(sight.fingerprint == name for sight in watch(other, kernels)[0])

    shutil.rmtree(folder, ignore_errors=True)
    if not shows(trace):
        return Made(row, why=f"Linux {kernels.tree.release} does not show it any more", gone=True)
    shorter = shrink(trace, bounded(shows, PATIENCE, SECONDS))
    if set(explained(row, name, shorter, release)) >= set(explained(row, name, trace, release)):
        trace = shorter  # else it shows another finding in the same words
    behind = [defect.id for defect in causes(name, trace, release)] or [id for id in row.defects if id in catalogue()]
    kernels.callers.clear()
    sights, run = watch(trace, kernels)
    assert run is not None, "the kernel boots: a trace is one of steps"
    violations = [sight.violation for sight in sights if sight.fingerprint == name]
    place, places = where(kernels.tree.root, kernels.last_place(run), run.history), kernels.places(run)
    report.write(
        folder, run, violations, f"kernel {kernels.tree.release}", (), f"ddwcheck findings {row.id}", places,
        needs(trace, shows, condition_of(behind)), behind, place, row,
    )  # fmt: skip
    return Made(row, f"Linux {kernels.tree.release}, {name}")


def _of_qemu(rows: Sequence[Listed], folder: Path) -> Iterator[Made]:
    """Each finding of QEMU, on the one that is installed."""
    own = [row for row in rows if row.rule]
    if not own:
        return
    try:
        require_programs()
    except NotInstalled as missing:
        yield from (Made(row, why=str(missing)) for row in own)
        return
    for row in own:
        if row.id not in on_qemu.EXAMPLES:
            yield Made(row, why="no calls are kept that show it")
            continue
        done = on_qemu.show(cache_folder(None) / "qemu", row.id)
        shutil.rmtree(folder / row.id, ignore_errors=True)
        if not qemu_report.differ(done):
            yield Made(row, why="this QEMU does not show it any more", gone=True)
            continue
        qemu_report.write(folder / row.id, done, qemu_report.of_row(row, done))
        yield Made(row, f"QEMU {qemu_report.version()}, {row.rule}")
