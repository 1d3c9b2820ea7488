# SPDX-License-Identifier: GPL-2.0-or-later
"""What ddwcheck adds to pytest: counterexample folders, the summary of the main job, and its reach goals.

A machine's test records a property "tally"; the plugin adds the tallies up, also across xdist's workers.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from ddwcheck import report
from model.invariants import INVARIANTS
from model.run import InvariantBroken

FOLDER = Path("counterexamples")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Keep the counterexample of a failed machine and say where it is."""
    outcome = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, InvariantBroken):
        broken = call.excinfo.value
        name = "".join(c if c.isalnum() else "-" for c in item.name.split("[")[-1].rstrip("]"))
        folder = FOLDER / f"{broken.violations[0].invariant}-{name}"
        defects = getattr(item, "ddwcheck_defects", ())
        seed = str(item.config.getoption("--hypothesis-seed", None) or 0)
        report.write(folder, broken.run, broken.violations, "reference", defects, f"random state machine, seed {seed}")
        outcome.sections.append(("counterexample", f"{folder / 'report.txt'}\nddwcheck replay {folder}"))
    return outcome


class Summary:
    """The tallies of the session, by family of machines."""

    def __init__(self) -> None:
        self.tallies: list[tuple[dict[str, Any], float]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect a machine's tally."""
        if report.when == "call":
            tallies = [value for name, value in report.user_properties if name == "tally" and isinstance(value, dict)]
            self.tallies += [(tally, report.duration) for tally in tallies]

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

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was run and how much."""
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

    def machines(self) -> Table:
        """Examples, steps and speed of each machine, or of all tests of one name."""
        table = Table("machine", "examples", "steps", "steps/s", title="Machines", title_justify="left")
        rows: dict[str, tuple[int, int, float]] = {}
        for tally, seconds in self.tallies:
            name = f"{tally['family']} {tally['machine']}"
            examples, steps, time = rows.get(name, (0, 0, 0.0))
            rows[name] = examples + tally["examples"], steps + tally["steps"], time + seconds
        for name, (examples, steps, time) in sorted(rows.items()):
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
        config.pluginmanager.register(Summary(), "ddwcheck-summary")
