# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck qemu`: random calls on a real QEMU pseries machine and on what is expected of it."""

from dataclasses import asdict
from json import dumps
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from conformance.qemu import dma
from conformance.qemu.differ import Difference, Tally, compare
from conformance.qemu.expected import DEVIATIONS
from conformance.qemu.guest import NotInstalled, require_programs
from conformance.qemu.shorten import shorten
from ddwcheck import BadInput, Verdict
from ddwcheck.log_files import shown
from ddwcheck.sources import cache_folder


def judge(calls: int, accesses: int, seed: int, out: str) -> tuple[list[str], Verdict]:
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
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("calls", total=calls)
        try:
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
    if found is None:
        done = tally.calls >= calls and reached.accesses >= accesses and not interrupted
        return lines, Verdict.HOLDS if done else Verdict.INCONCLUSIVE
    folder = Path(out) / f"qemu-seed-{seed}"
    keep(folder, found, seed)
    return [*lines, *told(found), f"{folder / 'calls.json'}"], Verdict.VIOLATED


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
