# SPDX-License-Identifier: GPL-2.0-or-later
"""`--format json`: our own, versioned. `outcome.schema.json` beside this file is its schema; docs/formats.md explains it."""

from importlib.metadata import version
from json import dumps
from typing import Any

from ddwcheck.outcome import Check, Finding, Outcome

VERSION = 1
"""It goes up when a field changes its meaning or goes away; new fields may come without that."""


def render(outcome: Outcome) -> str:
    """The outcome with everything that is in it, but the lines for people."""
    data = {
        "ddwcheck_outcome": VERSION,
        "ddwcheck": version("ddwcheck"),
        "verb": outcome.verb,
        "subject": outcome.subject,
        "seed": outcome.seed,
        "tree": outcome.tree or None,
        "verdict": outcome.verdict.name,
        "exit_code": outcome.verdict.value,
        "checks": [_check(outcome, check) for check in outcome.checks],
        "findings": [_finding(finding) for finding in outcome.findings],
    }
    return dumps(data, indent=1)


def _check(outcome: Outcome, check: Check) -> dict[str, Any]:
    status = outcome.status(check)
    why = {"skip": check.skipped, "inconclusive": check.unclear}.get(status.value)
    return {"id": check.id, "sentence": check.sentence, "times": check.times, "status": status.value, "why": why}


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "check": finding.check, "name": finding.name, "state": finding.state.value, "message": finding.message,
        "expected": finding.expected, "observed": finding.observed, "explained": finding.explained or None,
        "steps": list(finding.steps), "folder": finding.folder or None,
        "place": None if place is None else {"function": place.function or None, "file": place.file, "line": place.line},
    }  # fmt: skip
