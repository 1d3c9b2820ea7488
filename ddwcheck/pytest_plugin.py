# SPDX-License-Identifier: GPL-2.0-or-later
"""What ddwcheck adds to pytest: counterexample folders, the summary of the main job, its reach goals, and the page of all.

A machine's test records a property "tally", and one that fails a property "counterexample"; the plugin gathers both, also
across xdist's workers.
"""

import gc
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from ddwcheck import page_files, report
from ddwcheck.campaign import Campaign, Goals, Machine
from ddwcheck.smallest import smallest
from model.invariants import INVARIANTS
from model.run import InvariantBroken

FOLDER = Path("counterexamples")
ALLOCATIONS = 20_000
"""Objects that come to be between two rounds of the garbage collector; an example of a machine leaves few in circles."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Keep the counterexample of a failed machine and say where it is."""
    outcome = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, InvariantBroken):
        broken = call.excinfo.value
        name = "".join(c if c.isalnum() else "-" for c in item.name.split("[")[-1].rstrip("]"))
        folder = FOLDER / f"{broken.violations[0].invariant}-{name}"
        defects = getattr(item, "ddwcheck_defects", ())
        how = f"random state machine, seed {_seed(item.config)}"
        run, violations, need = smallest(broken, defects)
        report.write(folder, run, violations, "reference", defects, how, need=need)
        outcome.sections.append(("counterexample", f"{folder / 'report.txt'}\nddwcheck replay {folder}"))
        outcome.user_properties.append(("counterexample", str(folder)))
    return outcome


def _seed(config: pytest.Config) -> str:
    return str(config.getoption("--hypothesis-seed", None) or 0)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """The garbage collector never looks at what has been imported again, and comes less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)


class Summary:
    """The tallies of the session, by family of machines. found: counterexample folders; unclear: other failures."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.tallies: list[tuple[dict[str, Any], float]] = []
        self.found: list[Path] = []
        self.unclear = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect a machine's tally, and what it found."""
        if report.when == "call":
            tallies = [value for name, value in report.user_properties if name == "tally" and isinstance(value, dict)]
            self.tallies += [(tally, report.duration) for tally in tallies]
        found = [Path(str(value)) for name, value in report.user_properties if name == "counterexample"]
        self.found += found
        self.unclear += report.failed and not found

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run in which a whole family has not seen all its goals."""
        if session.exitstatus == 0 and any(missed for _, _, missed in self.goals()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def goals(self) -> Iterator[tuple[str, int, list[str]]]:
        """Each family that ran as a whole: its name, how many goals it has, and those that it has not seen."""
        for family, tallies in self.families():
            if len(tallies) == tallies[0]["parts"]:
                reached = sum((Counter(tally["reached"]) for tally in tallies), Counter())
                goals = set(tallies[0]["goals"])
                yield family, len(goals), sorted(goal for goal in goals if not reached[goal])

    def families(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Each family with the tallies of its parts that ran."""
        for family in sorted({tally["family"] for tally, _ in self.tallies}):
            yield family, [tally for tally, _ in self.tallies if tally["family"] == family]

    def total(self, counter: str) -> Counter[str]:
        """A counter of the tallies, added up."""
        return sum((Counter(tally[counter]) for tally, _ in self.tallies), Counter())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print what was run and how much, and write the page of it."""
        if not self.tallies:
            return
        console = Console(file=terminalreporter._tw._file, width=110)
        console.print(self.machines())
        if self.total("checks"):
            console.print(self.invariants())
        for family, number, missed in self.goals():
            console.print(f"Reach goals of {family}: {number - len(missed)} of {number} seen")
            for goal in missed:
                console.print(f"  not seen, so the run fails: {goal}")
        for family, tallies in self.families():
            if len(tallies) != tallies[0]["parts"]:
                parts = f"{len(tallies)} of {tallies[0]['parts']} parts ran"
                console.print(f"Reach goals of {family}: not judged, {parts}")
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        try:
            console.print(f"{page_files.keep(FOLDER, self.campaign(interrupted), self.found)}")
        except OSError as error:
            console.print(f"{FOLDER}: {error.strerror}, so there is no page of this run")

    def campaign(self, interrupted: bool) -> Campaign:
        """What ran, for the page."""
        goals = [Goals(family, number, tuple(missed)) for family, number, missed in self.goals()]
        whole = {each.family for each in goals}
        parts = [Goals(family, 0, (), judged=False) for family, _ in self.families() if family not in whole]
        reasons = {
            "interrupted": interrupted, f"{self.unclear} tests failed without a counterexample": self.unclear,
            "not all reach goals were seen": any(each.missed for each in goals),
        }  # fmt: skip
        return Campaign(
            f"random state machines, seed {self.seed}", (), tuple(self.ran()), dict(self.total("checks")),
            (*goals, *parts), open=", ".join(reason for reason, given in reasons.items() if given),
        )  # fmt: skip

    def ran(self) -> Iterator[Machine]:
        """Examples, steps and time of each machine, or of all tests of one name."""
        rows: dict[str, tuple[int, int, float]] = {}
        for tally, seconds in self.tallies:
            name = f"{tally['family']} {tally['machine']}"
            examples, steps, time = rows.get(name, (0, 0, 0.0))
            rows[name] = examples + tally["examples"], steps + tally["steps"], time + seconds
        yield from (Machine(name, *row) for name, row in sorted(rows.items()))

    def machines(self) -> Table:
        """What ran, with its speed."""
        table = Table("machine", "examples", "steps", "steps/s", title="Machines", title_justify="left")
        for name, examples, steps, time in map(astuple, self.ran()):
            table.add_row(name, f"{examples:,}", f"{steps:,}", f"{steps / time:,.0f}")
        return table

    def invariants(self) -> Table:
        """How often each invariant was applied to something."""
        checks = self.total("checks")
        table = Table("invariant", "times checked", title="Invariants", title_justify="left")
        for name in INVARIANTS:
            table.add_row(name, f"{checks[name]:,}")
        return table


def pytest_configure(config: pytest.Config) -> None:
    """Register the summary on the process that sees all reports."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(_seed(config)), "ddwcheck-summary")
