# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck qemu`: random calls on a real QEMU pseries machine and on what is expected of it."""

from collections.abc import Iterator
from dataclasses import asdict
from json import dumps
from pathlib import Path

from conformance.qemu import dma
from conformance.qemu.differ import Difference, Tally, compare
from conformance.qemu.expected import DEVIATIONS
from conformance.qemu.guest import NotInstalled, require_programs
from conformance.qemu.shorten import shorten
from ddwcheck import BadInput, Verdict
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.outcome import Check, Finding, Outcome, undecided
from ddwcheck.sources import cache_folder
from model.calls import GetTce, PutTce, PutTceIndirect, RtasCall, StuffTce


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
            if found is not None:
                progress.update(task, description="shortening", total=None)
                found = shorten(cache, found)
            elif accesses:
                progress.reset(task, description="accesses", total=accesses)
                found = dma.compare(
                    cache, accesses, seed, lambda done: progress.update(task, completed=done), tally=reached
                )
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
        return Outcome("qemu", MACHINE, verdict, tuple(lines), checks, seed=seed)
    folder = Path(out) / f"qemu-seed-{seed}"
    keep(folder, found, seed)
    lines += [*told(found), f"{folder / 'calls.json'}"]
    kind = type(found.calls[-1]).__name__
    finding = Finding(
        TABLES if found.expected.startswith(("window", "tables")) else kind, f"{kind}: {found.expected}",
        "QEMU does not do what is expected of it", found.expected, found.observed,
        steps=tuple(map(str, found.calls)), folder=str(folder),
    )  # fmt: skip
    return Outcome("qemu", MACHINE, Verdict.VIOLATED, tuple(lines), checks, (finding,), seed)


MACHINE = "QEMU, machine pseries"
TABLES = "tables"


def _checks(tally: Tally, reached: dma.Tally) -> Iterator[Check]:
    """The answers of each kind of call, the tables, and what a device reaches."""
    for kind in (RtasCall, GetTce, PutTce, StuffTce, PutTceIndirect):
        name = kind.__name__
        times = sum(count for answer, count in tally.seen.items() if answer.split()[0] == name)
        yield Check(name, "QEMU answers the call as the reference does, but for Q1 to Q10.", times)
    yield Check(TABLES, "QEMU's TCEs, read back, are those of the reference, but for Q1 to Q10.", tally.read_back)
    yield Check("DMA", "A device of QEMU reaches what `translate` says, byte by byte.", reached.accesses)


def told(found: Difference) -> list[str]:
    """A difference as text."""
    return [
        f"VIOLATED after {len(found.calls)} calls:", *(f"  {call}" for call in found.calls[-20:]),
        f"  expected {found.expected}", f"  observed {found.observed}",
    ]  # fmt: skip


def keep(folder: Path, found: Difference, seed: int) -> None:
    """Write a difference as a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    calls = [{"call": type(call).__name__, **asdict(call)} for call in found.calls]
    data = {"ddwcheck_qemu": 1, "seed": seed, "calls": calls, "expected": found.expected, "observed": found.observed}
    (folder / "calls.json").write_text(dumps(data, indent=1, default=_plain) + "\n")
    (folder / "report.txt").write_text("\n".join(told(found)) + "\n")


def _plain(value: object) -> object:
    """A kind of hypercall by its name, a list of TCEs as one."""
    return value.__name__ if isinstance(value, type) else list(value)  # type: ignore[call-overload]
