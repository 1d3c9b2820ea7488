# SPDX-License-Identifier: GPL-2.0-or-later
"""What ddwcheck adds to pytest: counterexample folders, the summary of the main job, and its reach goals.

A machine's test records a property "tally"; the plugin adds the tallies up, also across xdist's workers.
"""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from ddwcheck import report
from model.invariants import INVARIANTS, NOT_CHECKED
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
    """The tallies of the session."""

    def __init__(self) -> None:
        self.tallies: list[tuple[dict[str, Any], float]] = []
        self.missed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect a machine's tally."""
        if report.when == "call":
            tallies = [value for name, value in report.user_properties if name == "tally" and isinstance(value, dict)]
            self.tallies += [(tally, report.duration) for tally in tallies]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a whole run that has not seen every goal; a part of the run is not judged."""
        goals = {goal for tally, _ in self.tallies for goal in tally["goals"]}
        whole = bool(self.tallies) and len(self.tallies) == max(tally["of"] for tally, _ in self.tallies)
        if whole:
            checks = sum((Counter(tally["checks"]) for tally, _ in self.tallies), Counter())
            never = [f"invariant {name} applied to anything" for name in INVARIANTS if not checks[name]]
            self.missed = sorted(goals - self.reached().keys()) + never
            if self.missed and session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def reached(self) -> Counter[str]:
        """Everything that any machine has seen."""
        return sum((Counter(tally["reached"]) for tally, _ in self.tallies), Counter())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was run and how much."""
        if not self.tallies:
            return
        console = Console(file=terminalreporter._tw._file, width=110)
        table = Table("machine", "examples", "steps", "steps/s", title="Machines", title_justify="left")
        for tally, seconds in sorted(self.tallies, key=lambda t: t[0]["machine"]):
            table.add_row(
                tally["machine"], f"{tally['examples']:,}", f"{tally['steps']:,}", f"{tally['steps'] / seconds:,.0f}"
            )
        console.print(table)
        checks = sum((Counter(tally["checks"]) for tally, _ in self.tallies), Counter())
        table = Table("invariant", "times checked", title="Invariants", title_justify="left")
        for name in INVARIANTS:
            table.add_row(name, f"{checks[name]:,}" if checks[name] else "0, so not checked")
        for name, (_, reason) in NOT_CHECKED.items():
            table.add_row(name, f"not checked: {reason}")
        console.print(table)
        goals = {goal for tally, _ in self.tallies for goal in tally["goals"]}
        reached = self.reached()
        console.print(f"Reach goals: {len(goals & reached.keys())} of {len(goals)} seen")
        for goal in self.missed:
            console.print(f"  not seen: {goal}")
        if self.missed:
            console.print("The run fails: it has not seen what it must see.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the summary on the process that sees all reports."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(), "ddwcheck-summary")
