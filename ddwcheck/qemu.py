# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck qemu`: random calls on a real QEMU pseries machine and on what is expected of it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from conformance.qemu import dma, kept
from conformance.qemu.calls import Made
from conformance.qemu.differ import DMA, TABLES, Access, Difference, Tally, compare
from conformance.qemu.expected import DEVIATIONS
from conformance.qemu.guest import NotInstalled, require_programs
from conformance.qemu.kept import BadCalls
from conformance.qemu.machine import Stopped
from conformance.qemu.shorten import replay, shorten
from conformance.qemu.shown import side_by_side
from ddwcheck import BadInput, Verdict, campaign, page_files, qemu_report
from ddwcheck.live import bar, spinner
from ddwcheck.log_files import shown
from ddwcheck.need import Need
from ddwcheck.outcome import Check, Finding, Outcome, undecided
from ddwcheck.qemu_need import needs
from ddwcheck.sources import cache_folder


def judge(calls: int, accesses: int, seed: int, out: str) -> Outcome:
    """What was compared, and the shortest calls that differ. BadInput without QEMU or room for a counterexample."""
    try:
        require_programs()
        Path(out).mkdir(parents=True, exist_ok=True)
    except NotInstalled as missing:
        raise BadInput(str(missing)) from None
    except OSError as error:
        raise BadInput(f"{shown(out)}: {error.strerror}") from None
    cache, tally, found, interrupted = cache_folder(None) / "qemu", Tally(), None, False
    reached = dma.Tally()
    with bar() as progress:
        try:
            task = progress.add_task("calls", total=calls)
            found = compare(cache, calls, seed, lambda done: progress.update(task, completed=done), tally=tally)
            if found is None and accesses:
                progress.reset(task, description="accesses", total=accesses)
                found = dma.compare(
                    cache, accesses, seed, lambda done: progress.update(task, completed=done), tally=reached
                )
            if found is not None:
                progress.update(task, description="shortening", total=None)
                found = shorten(cache, found)
        except KeyboardInterrupt:
            interrupted = True
    lines = [
        f"{tally.calls:,} calls on {tally.machines} machines, {tally.read_back:,} TCEs read back, seed {seed}",
        f"{len(DEVIATIONS)} known deviations (FINDINGS.md, Q1 to Q10); QEMU aborted {tally.aborts} times as Q1 says",
    ]
    if reached.accesses:
        met = ", ".join(f"{count:,} {how}" for how, count in sorted(reached.seen.items()))
        lines.append(f"{reached.accesses:,} accesses of a device, byte by byte; parts of pages: {met}")
    if interrupted:
        lines.append("interrupted")
    checks = tuple(_checks(tally, reached))
    if found is None:
        done = tally.calls >= calls and reached.accesses >= accesses and not interrupted
        verdict = Verdict.HOLDS if done else Verdict.INCONCLUSIVE
        checks = checks if done else undecided(checks, "interrupted" if interrupted else "not all was done")
        return _on_page(Outcome("qemu", MACHINE, verdict, tuple(lines), checks, seed=seed), Path(out))
    need: Need | None = None
    with spinner() as progress, suppress(KeyboardInterrupt):
        progress.add_task("what it takes")
        need = None if interrupted else needs(found, partial(replay, cache))
    folder = _keep(Path(out) / f"qemu-seed-{seed}", cache, found, seed, need)
    lines += [*told(found), f"{folder / 'report.txt'}"]
    finding = _finding(found, folder)
    outcome = Outcome("qemu", MACHINE, Verdict.VIOLATED, tuple(lines), checks, (finding,), seed)
    return _on_page(outcome, Path(out), "the run ended at the first difference", folder)


def _on_page(outcome: Outcome, out: Path, open: str = "", *folders: Path) -> Outcome:
    """The outcome with its page. open: why what did not differ is not said to hold."""
    index = page_files.keep(out, replace(campaign.of(outcome), open=open), folders)
    return replace(outcome, lines=(*outcome.lines, f"{index}"))


def again(path: str) -> Outcome:
    """Make kept calls once more. BadInput without QEMU, or if they cannot be read."""
    file = Path(path) / qemu_report.CALLS if Path(path).is_dir() else Path(path)
    calls, accesses = _calls_in(file)
    try:
        require_programs()
    except NotInstalled as missing:
        raise BadInput(str(missing)) from None
    number = len(calls) + len(accesses)
    checks = (Check("calls", qemu_report.ANSWERS, number),)
    try:
        found = replay(cache_folder(None) / "qemu", calls, accesses)
    except Stopped as stopped:
        said = f"INCONCLUSIVE: {stopped}"
        return Outcome("qemu", shown(path), Verdict.INCONCLUSIVE, (said,), undecided(checks, str(stopped)))
    if found is None:
        line = f"HOLDS: QEMU does what is expected, {number} calls and accesses"
        return Outcome("qemu", shown(path), Verdict.HOLDS, (line,), checks)
    finding = replace(_finding(found, None), check="calls")
    return Outcome("qemu", shown(path), Verdict.VIOLATED, tuple(told(found)), checks, (finding,))


def _calls_in(file: Path) -> tuple[tuple[Made, ...], tuple[Access, ...]]:
    where = shown(str(file))
    try:
        data = json.loads(file.read_bytes())
        calls, accesses = kept.from_json(data), kept.accesses_of(data)
    except OSError as error:
        raise BadInput(f"{where}: {error.strerror}") from None
    except BadCalls as bad:
        raise BadInput(f"{where}: {bad}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{where}: not JSON") from None
    if not calls and not accesses:
        raise BadInput(f"{where}: no call to make")
    return calls, accesses


def _finding(found: Difference, folder: Path | None) -> Finding:
    steps = tuple(map(str, (*found.calls, *found.accesses)))
    return Finding(
        found.subject, f"{found.subject}: {found.expected}", "QEMU does not do what is expected of it",
        found.expected, found.observed, steps=steps, folder=str(folder or ""),
    )  # fmt: skip


MACHINE = "QEMU, machine pseries"


def _checks(tally: Tally, reached: dma.Tally) -> Iterator[Check]:
    """The answers of each kind of call, the tables, and what a device reaches."""
    for name in kept.KINDS:
        times = sum(count for answer, count in tally.seen.items() if answer.split()[0] == name)
        yield Check(name, qemu_report.SENTENCES[name], times)
    yield Check(TABLES, qemu_report.SENTENCES[TABLES], tally.read_back)
    yield Check(DMA, qemu_report.SENTENCES[DMA], reached.accesses)


def told(found: Difference) -> list[str]:
    """A difference as text."""
    return [
        f"VIOLATED after {len(found.calls)} calls:", *(f"  {call}" for call in found.calls[-20:]),
        *(f"  {access}" for access in found.accesses[:20]),
        f"  expected {found.expected}", f"  observed {found.observed}",
    ]  # fmt: skip


def _keep(folder: Path, cache: Path, found: Difference, seed: int, need: Need | None) -> Path:
    """Write a difference as a folder."""
    done = side_by_side(cache, lambda _: found.calls)
    return qemu_report.write(folder, done, qemu_report.of_difference(found, folder, seed, need))
