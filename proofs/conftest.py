# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes each obligation a test, and ends a run with a table of them. A full run that leaves one out fails."""

from pathlib import Path
from typing import Any

import pytest

from proofs.obligation import Obligation
from proofs.written import FOLDER, differences, written

ROW = "obligation"
"""The report property that carries a row of the table."""

rows: dict[str, dict[str, Any]] = {}
"""What ran, by test id below this folder."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Further solvers take many times as long as the first, so they are asked for."""
    parser.addoption("--second", action="store_true", help="cadical, with a checked proof, and bitwuzla must agree")


class NotProved(Exception):
    """Why an obligation is not green."""


class ObligationItem(pytest.Item):
    """An obligation as a test."""

    def __init__(self, obligation: Obligation, **arguments: Any) -> None:
        """Make it an item of pytest."""
        super().__init__(**arguments)
        self.obligation = obligation

    def runtest(self) -> None:
        """Prove it and refute its mutants; NotProved unless all of that is as it should be."""
        result = self.obligation.check(second=self.config.getoption("second"))
        row = {
            "key": self.obligation.key,
            "supports": self.obligation.supports,
            "verdict": str(result.proof.verdict),
            "note": result.proof.detail if not result.complaints else "",
            "green": not result.complaints,
            "seconds": result.seconds,
            "rlimit": result.rlimit,
        }
        self.user_properties.append((ROW, row))
        if result.complaints:
            raise NotProved("\n".join([self.obligation.sentence, *result.complaints]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The complaints alone: where they were raised says nothing."""
        return str(excinfo.value) if isinstance(excinfo.value, NotProved) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the theorem is written."""
        return self.path, self.obligation.body.__code__.co_firstlineno - 1, self.name


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> ObligationItem | None:
    """An obligation in a test file is a test."""
    if isinstance(obj, Obligation):
        return ObligationItem.from_parent(collector, name=name, obligation=obj)
    return None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the rows, which xdist's workers send with their reports."""
    if report.when == "call":
        rows.update((row["key"], row) for name, row in report.user_properties if name == ROW)  # type: ignore[index, misc]


def is_full(config: pytest.Config) -> bool:
    """Whether all of this folder was asked for."""
    option = config.option
    narrowed = option.keyword or option.markexpr or option.deselect or option.ignore or option.ignore_glob
    asked = (Path(config.invocation_params.dir, argument).resolve() for argument in config.args)
    return not (narrowed or option.collectonly) and any(FOLDER.is_relative_to(path) for path in asked)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A full run must have run every obligation there is."""
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and exitstatus == pytest.ExitCode.OK and is_full(session.config) and differences(rows):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table: obligation, the invariant that rests on it, verdict, seconds and z3 units with its mutants'."""
    if not rows:
        return
    terminalreporter.section("obligations")
    width = max(len(key) for key in rows)
    terminalreporter.write_line(f"{'obligation':{width}}  {'supports':22} {'verdict':9} seconds     rlimit")
    for key, row in sorted(rows.items()):
        mark = f"  {row['note']}".rstrip() if row["green"] else "  NOT GREEN"
        terminalreporter.write_line(
            f"{key:{width}}  {row['supports']:22} {row['verdict']:9} {row['seconds']:7.2f} {row['rlimit']:10,}{mark}"
        )
    green = sum(row["green"] for row in rows.values())
    terminalreporter.write_line(f"{green} of {len(rows)} green; {len(written())} are written")
    for line in differences(rows) if is_full(config) else ():
        terminalreporter.write_line(line, red=True)
