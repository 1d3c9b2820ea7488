# SPDX-License-Identifier: GPL-2.0-or-later
"""One outcome in each format: what is a pass, what is none, and that each says what its reader needs."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from conformance.kernel.places import Place
from ddwcheck import Verdict
from ddwcheck.formats import RENDER, Format
from ddwcheck.main import main
from ddwcheck.outcome import Check, Finding, Outcome, State, Status, undecided
from model.invariants import INVARIANTS
from tests import ktap

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "ddwcheck" / "formats" / "outcome.schema.json").read_text())
PLACE = Place("enable_ddw", "arch/powerpc/platforms/pseries/iommu.c", 1500)
FAILS = Finding("ram-covered", "ram-covered: RAM at N (SetMask)", "RAM at 0x10 #1\nis not reached", "reached", "not",
                steps=("SetMask",), place=PLACE, folder="counterexamples/ram")  # fmt: skip
KNOWN = replace(FAILS, check="route-agrees", name="route-agrees: N", state=State.KNOWN, explained="F1, F21", place=None)
GONE = replace(KNOWN, check="map-fails-clean", name="map-fails-clean: N", state=State.GONE)
CHECKS = (
    Check("ram-covered", "All RAM is reached.", 5), Check("route-agrees", "Both agree.", 4),
    Check("map-fails-clean", "Clean.", 3),
    Check("no-dead-liobn", "None.", 0), Check("handle-in-mask", "Within.", 7, unclear="interrupted"),
)  # fmt: skip
OUTCOME = Outcome(
    "kernel", "Linux 7.3", Verdict.VIOLATED, ("VIOLATED ram-covered",), CHECKS, (FAILS, KNOWN, GONE), 4, "/src"
)


def test_only_what_was_applied_and_did_not_fail_is_a_pass() -> None:
    expected = [Status.FAIL, Status.KNOWN, Status.PASS, Status.SKIP, Status.INCONCLUSIVE]
    assert [OUTCOME.status(check) for check in CHECKS] == expected
    unfinished = replace(OUTCOME, checks=undecided(CHECKS, "interrupted"))
    assert Status.PASS not in map(unfinished.status, unfinished.checks)
    assert unfinished.status(unfinished.checks[0]) is Status.FAIL


def test_ktap_has_a_test_for_each_check() -> None:
    results = ktap.read(RENDER[Format.KTAP](OUTCOME))
    assert [(r.name, r.passed, r.directive) for r in results] == [
        ("ram-covered", False, ""), ("route-agrees", True, "XFAIL"), ("map-fails-clean", True, ""),
        ("no-dead-liobn", True, "SKIP"), ("handle-in-mask", False, "ERROR"),
    ]  # fmt: skip
    assert results[1].data == "F1, F21" and results[4].data == "interrupted"
    assert "ram-covered: new: RAM at 0x10 no.1 is not reached" in results[0].said
    assert f"ram-covered: at enable_ddw() {PLACE.file}:1500" in results[0].said
    assert any("no more: map-fails-clean" in line for line in results[0].said)


GOOD = RENDER[Format.KTAP](OUTCOME)
SPOILT = {
    "no version": GOOD.replace("KTAP version 1\n", ""),
    "no plan": GOOD.replace("1..5\n", ""),
    "a test too many in the plan": GOOD.replace("1..5", "1..6"),
    "a test missing": GOOD[: GOOD.rindex("not ok")],
    "a number twice": GOOD.replace("ok 2 ", "ok 1 "),
    "a line that is none": GOOD + "\nVIOLATED ram-covered",
    "an error that is ok": GOOD.replace("not ok 5", "ok 5"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_the_reader_of_ktap_sees_what_is_wrong(name: str) -> None:
    assert SPOILT[name] != GOOD
    with pytest.raises(ktap.BadKtap):
        ktap.read(SPOILT[name])


def sarif_schema() -> dict[str, Any]:
    """What SARIF 2.1.0 demands of the parts that are used here: sections 3.13, 3.14, 3.18, 3.19, 3.20, 3.27 and 3.29."""
    text = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
    rule = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "shortDescription": text}}
    driver = {
        "type": "object",
        "required": ["name"],
        "properties": {"rules": {"type": "array", "items": rule, "uniqueItems": True}},
    }
    region = {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}}
    artifact = {
        "type": "object",
        "properties": {"uri": {"type": "string", "format": "uri-reference"}, "uriBaseId": {"type": "string"}},
    }
    physical = {
        "type": "object",
        "required": ["artifactLocation"],
        "properties": {"artifactLocation": artifact, "region": region},
    }
    location = {"type": "object", "properties": {"physicalLocation": physical}}
    result = {
        "type": "object",
        "required": ["message"],
        "properties": {
            "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": -1}, "message": text,
            "level": {"enum": ["none", "note", "warning", "error"]},
            "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
            "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
            "locations": {"type": "array", "items": location},
            "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }  # fmt: skip
    invocation = {"type": "object", "required": ["executionSuccessful"],
                  "properties": {"executionSuccessful": {"type": "boolean"}, "exitCode": {"type": "integer"}}}  # fmt: skip
    run = {
        "type": "object",
        "required": ["tool"],
        "properties": {
            "tool": {"type": "object", "required": ["driver"], "properties": {"driver": driver}},
            "results": {"type": "array", "items": result}, "invocations": {"type": "array", "items": invocation},
            "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            "originalUriBaseIds": {"type": "object", "additionalProperties": artifact},
        },
    }  # fmt: skip
    return {
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["version", "runs"],
        "properties": {"version": {"const": "2.1.0"}, "runs": {"type": "array", "items": run}},
    }  # fmt: skip


def read_sarif(text: str) -> Any:
    """The run of a SARIF file, its references among themselves looked at, which no schema does."""
    log = fastjsonschema.compile(sarif_schema())(json.loads(text))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        for location in result.get("locations", ()):
            base = location["physicalLocation"]["artifactLocation"].get("uriBaseId")
            assert base is None or run["originalUriBaseIds"][base]["uri"].endswith("/")
    return run


def test_sarif_points_at_the_line_of_the_tree() -> None:
    run = read_sarif(RENDER[Format.SARIF](OUTCOME))
    new, known, gone = run["results"]
    physical = new["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": PLACE.file, "uriBaseId": "SRCROOT"}
    assert physical["region"]["startLine"] == 1500
    assert run["originalUriBaseIds"]["SRCROOT"]["uri"] == "file:///src/"
    assert [(r["level"], r["baselineState"]) for r in (new, known, gone)] == [
        ("error", "new"), ("note", "unchanged"), ("note", "absent"),
    ]  # fmt: skip
    assert run["invocations"][0]["exitCode"] == 1 and run["invocations"][0]["executionSuccessful"]


def test_an_inconclusive_run_is_not_a_successful_execution_in_sarif() -> None:
    outcome = replace(OUTCOME, verdict=Verdict.INCONCLUSIVE, findings=())
    run = read_sarif(RENDER[Format.SARIF](outcome))
    assert run["results"] == [] and not run["invocations"][0]["executionSuccessful"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "handle-in-mask: interrupted"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda log: log.update(version="2.0"), lambda log: log["runs"][0].pop("tool"),
        lambda log: log["runs"][0]["results"][0].pop("message"), lambda log: log["runs"][0]["results"][0].update(ruleIndex=1),
        lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda log: log["runs"][0].pop("originalUriBaseIds"),
    ],
)  # fmt: skip
def test_the_reader_of_sarif_sees_what_is_wrong(spoil: Any) -> None:
    log = json.loads(RENDER[Format.SARIF](OUTCOME))
    spoil(log)
    with pytest.raises((fastjsonschema.JsonSchemaException, AssertionError, KeyError)):
        read_sarif(json.dumps(log))


def test_json_is_as_its_schema_says() -> None:
    check = fastjsonschema.compile(SCHEMA)
    data = check(json.loads(RENDER[Format.JSON](OUTCOME)))
    assert [one["status"] for one in data["checks"]] == ["fail", "known", "pass", "skip", "inconclusive"]
    assert data["findings"][0]["place"] == {"function": "enable_ddw", "file": PLACE.file, "line": 1500}
    for name in list(data):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            check({key: value for key, value in data.items() if key != name})


def test_json_leaves_out_nothing_but_the_lines_for_people() -> None:
    data = json.loads(RENDER[Format.JSON](OUTCOME))
    assert {field.name for field in fields(Outcome)} - set(data) == {"lines"}
    assert {field.name for field in fields(Finding)} == set(data["findings"][0])
    assert {field.name for field in fields(Check)} - set(data["checks"][0]) == {"skipped", "unclear"}  # they are "why"


VECTOR = str(ROOT / "tests" / "vectors" / "split-unmap-leak")
LOG = str(ROOT / "tests" / "vectors" / "dmesg" / "powervm-nvme-2m-direct.log")


def run_as(capsys: pytest.CaptureFixture[str], form: str, *arguments: str) -> tuple[int, str]:
    code = main([*arguments, "--format", form])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out


def test_a_replay_has_a_test_for_each_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run_as(capsys, "ktap", "replay", VECTOR)
    results = {result.name: result for result in ktap.read(out)}
    assert code == 1 and set(results) == {*INVARIANTS, "guest-crash"}
    assert not results["route-agrees"].passed and not results["unmap-releases"].passed
    assert results["ram-covered"].passed and not results["ram-covered"].directive
    assert results["kexec-keeps-running"].directive == "SKIP"
    code, out = run_as(capsys, "ktap", "replay", VECTOR, "--fixed-defects", "all")
    assert code == 0 and all(result.passed for result in ktap.read(out))


def test_a_replay_in_sarif_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run_as(capsys, "sarif", "replay", VECTOR)
    run = read_sarif(out)
    assert code == run["invocations"][0]["exitCode"] == 1
    assert [result["ruleId"] for result in run["results"]] == ["route-agrees", "unmap-releases"]
    code, out = run_as(capsys, "json", "replay", VECTOR)
    data = fastjsonschema.compile(SCHEMA)(json.loads(out))
    assert code == data["exit_code"] == 1 and len(data["findings"][0]["steps"]) == 3


def test_a_log_has_a_test_for_each_try(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out = run_as(capsys, "ktap", "log", LOG)
    (result,) = ktap.read(out)
    assert code == 0 and result.passed and result.name.endswith("try 1")
    bad = tmp_path / "bad.log"
    text = Path(LOG).read_text()
    bad.write_text(text.replace("lb=1000000", "lb=10", 1))
    assert bad.read_text() != text
    code, out = run_as(capsys, "sarif", "log", str(bad))
    result = read_sarif(out)["results"][0]
    assert code == 1 and result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == bad.as_uri()
    line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert 1 <= line <= len(text.splitlines())


def test_text_is_what_a_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_as(capsys, "text", "replay", VECTOR) == (main(["replay", VECTOR]), capsys.readouterr().out)


def test_a_format_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", VECTOR, "--format", "xml"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
