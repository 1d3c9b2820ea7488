# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m benchmarks.faults [FAULTS [SEED]]`: a campaign on a cluster of which parts are killed at random must find what
an undisturbed one finds, with the same traces, and count each unit once.

A scheduler, workers and the campaign's own process are killed by SIGKILL and started again, as a supervisor would; the
undisturbed campaign runs on its own workers. Exit 1 if anything differs.
"""

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from socket import socket
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import psutil
from rich.console import Console

FAULTS, WORKERS = 50, 1
PLAN = ("--defect", "stuff-without-limit", "--defect", "unlisted-last", "--defect", "offline-clears-shared-page",
        "--no-sweeps", "--examples", "3", "--seed", "1")  # fmt: skip
"""Wrong rules on both sides of the model, so that units find something."""
ENDS = (0, 1, 3)
"""Exit codes of a campaign that has come to its end."""
UNITS_A_FAULT, WAIT = 2, 15.0
"""How many units a fault is given, and the seconds after which the next one comes although none was done meanwhile."""


def campaign(store: Path, units: int, *more: str) -> list[str]:
    """The command."""
    out = store.with_suffix(".out")
    where = ["--store", str(store), "--out", str(out), "--units", str(units)]
    return [sys.executable, "-m", "ddwcheck.main", "campaign", *PLAN, *where, *more]


class Supervised:
    """A process that is started again whenever it has ended, but with one of `ends`."""

    def __init__(self, *command: str, ends: tuple[int, ...] = ()) -> None:
        self._command, self._ends = command, ends
        self._start()

    def _start(self) -> None:
        self.process: psutil.Popen = psutil.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
        )

    def look(self) -> None:
        """Start it again if it has ended."""
        if self.process.poll() not in (None, *self._ends):
            self._start()

    def stop(self) -> None:
        """End it and its children for good."""
        with suppress(psutil.NoSuchProcess):
            for process in (*self.process.children(recursive=True), self.process):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait()


@contextmanager
def cluster() -> Iterator[tuple[str, Supervised, list[Supervised]]]:
    """A scheduler and its workers: the address, and both."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    dask, address = (sys.executable, "-m", "dask"), f"tcp://127.0.0.1:{port}"
    scheduler = Supervised(*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    workers = [
        Supervised(*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--death-timeout", "60")
        for _ in range(WORKERS)
    ]
    try:
        yield address, scheduler, workers
    finally:
        for each in (*workers, scheduler):
            each.stop()


def kept(store: Path) -> int:
    """How many units are in a store."""
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT COUNT(*) FROM unit").fetchone()[0])
    except sqlite3.Error:
        return 0


def disturb(store: Path, units: int, faults: int, random: Random) -> tuple[Counter[str], int]:
    """Run the campaign while parts of it are killed: how often which, and its exit code.

    It is started again when it was killed, and when it found no scheduler.
    """
    done, hit = Counter[str](), 0
    with cluster() as (address, scheduler, workers):
        main = Supervised(*campaign(store, units, "--scheduler", address), ends=ENDS)
        try:
            since = monotonic()
            while main.process.poll() not in ENDS:
                sleep(0.2)
                for each in (main, scheduler, *workers):
                    each.look()
                if sum(done.values()) < faults and (kept(store) > hit or monotonic() - since > WAIT):
                    what = random.choice(("worker", "worker", "scheduler", "campaign"))
                    {"worker": random.choice(workers), "scheduler": scheduler, "campaign": main}[what].process.kill()
                    done[what] += 1
                    hit, since = kept(store), monotonic()
                    sleep(random.uniform(0, 2))
            return done, main.process.wait()
        finally:
            main.stop()


def contents(store: Path) -> dict[str, list[tuple[object, ...]]]:
    """All of a store that must not depend on faults."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        return {
            "units": connection.execute(
                "SELECT number, target, work, examples, steps, reached, checks FROM unit ORDER BY number"
            ).fetchall(),
            "times": connection.execute("SELECT * FROM sight ORDER BY unit, fingerprint").fetchall(),
            "findings": connection.execute("SELECT * FROM finding ORDER BY target, fingerprint").fetchall(),
        }


def main(arguments: Sequence[str]) -> int:
    """Both campaigns, and what differs."""
    console = Console(width=110)
    if len(arguments) > 2 or not all(a.isdecimal() for a in arguments):
        console.print("usage: python -m benchmarks.faults [FAULTS [SEED]]")
        return 2
    faults, seed = (*map(int, arguments), *(FAULTS, 0)[len(arguments) :])
    units = UNITS_A_FAULT * faults + 10
    with TemporaryDirectory(prefix="ddwcheck-faults-") as folder:
        calm, stormy = Path(folder, "calm.sqlite"), Path(folder, "stormy.sqlite")
        begun = monotonic()
        code = subprocess.run(campaign(calm, units, "--jobs", "2"), stdout=subprocess.DEVNULL, check=False).returncode
        undisturbed = monotonic() - begun
        done, other = disturb(stormy, units, faults, Random(seed))
        one, two = contents(calm), contents(stormy)
    killed = ", ".join(f"{count} {what}" for what, count in sorted(done.items()))
    console.print(f"{units} units, {len(one['findings'])} findings, seed {seed}")
    console.print(f"undisturbed: {undisturbed:.0f} s, exit {code}")
    console.print(f"killed {killed}: {monotonic() - begun - undisturbed:.0f} s, exit {other}")
    for name in one:
        lost, added = set(one[name]) - set(two[name]), set(two[name]) - set(one[name])
        console.print(f"{name}: {len(one[name])} and {len(two[name])}, {len(lost)} lost, {len(added)} added")
    whole = code == other == 1 and sum(done.values()) == faults and len(one["units"]) == units
    same = one == two and whole
    console.print("the same" if same else "NOT the same" if one != two else "the same, but not all was run as planned")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
