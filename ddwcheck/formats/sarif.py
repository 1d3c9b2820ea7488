# SPDX-License-Identifier: GPL-2.0-or-later
"""`--format sarif`: SARIF 2.1.0 (OASIS), for whatever shows findings at the lines of a tree."""

from importlib.metadata import version
from json import dumps
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.kernel.places import Place
from ddwcheck import Verdict
from ddwcheck.outcome import Check, Finding, Outcome, State

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
"""What stands for the folder of the tree in the places."""
BASELINE = {State.NEW: "new", State.KNOWN: "unchanged", State.GONE: "absent"}
LEVEL = {State.NEW: "error", State.KNOWN: "note", State.GONE: "note"}


def render(outcome: Outcome) -> str:
    """One run; the checks are its rules."""
    rules = {check.id: number for number, check in enumerate(outcome.checks)}
    driver = {"name": "ddwcheck", "version": version("ddwcheck"), "rules": [_rule(check) for check in outcome.checks]}
    invocation = {
        "executionSuccessful": outcome.verdict is not Verdict.INCONCLUSIVE, "exitCode": outcome.verdict.value,
        "toolExecutionNotifications": [_notification(check) for check in outcome.checks if check.unclear],
    }  # fmt: skip
    run = {
        "tool": {"driver": driver}, "invocations": [invocation], "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"ddwcheck/{outcome.verb}/"},
        "results": [_result(finding, rules[finding.check]) for finding in outcome.findings],
        "properties": {"subject": outcome.subject, "seed": outcome.seed, "verdict": outcome.verdict.name},
    }  # fmt: skip
    if outcome.tree:
        run["originalUriBaseIds"] = {ROOT: {"uri": f"{Path(outcome.tree).resolve().as_uri()}/"}}
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _rule(check: Check) -> dict[str, Any]:
    return {"id": check.id, "shortDescription": {"text": check.sentence or check.id}}


def _notification(check: Check) -> dict[str, Any]:
    text = f"{check.id}: {check.unclear}"
    return {"level": "warning", "message": {"text": text}, "associatedRule": {"id": check.id}}


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    text = f"{finding.message}: expected {finding.expected}, observed {finding.observed}"
    steps = "".join(f"\n{number}. {step}" for number, step in enumerate(finding.steps, 1))
    result: dict[str, Any] = {
        "ruleId": finding.check, "ruleIndex": rule, "kind": "fail", "level": LEVEL[finding.state],
        "baselineState": BASELINE[finding.state], "message": {"text": text + steps},
        "partialFingerprints": {"ddwcheck/v1": finding.name},
        "properties": {"explained": finding.explained, "folder": finding.folder},
    }  # fmt: skip
    if finding.place is not None:
        result["locations"] = [_location(finding.place)]
    return result


def _location(place: Place) -> dict[str, Any]:
    """A line of the tree, or of a log that the user named."""
    path = Path(place.file)
    artifact = {"uri": path.as_uri() if path.is_absolute() else quote(place.file)}
    if place.function:
        artifact["uriBaseId"] = ROOT
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": place.line}},
    }
    if place.function:
        location["logicalLocations"] = [{"name": place.function, "kind": "function"}]
    return location
