# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job can fail: a broken invariant leaves a counterexample, and a goal that was not seen fails the run."""

from pathlib import Path

import pytest

from ddwcheck.campaign import Goals
from ddwcheck.page_files import summary
from ddwcheck.pytest_plugin import Summary

pytest_plugins = ["pytester"]

MACHINE = """
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from model.defects import apply, catalogue
from model.guest.kernel import Kernel
from properties.machine import machine_of, seeded
from properties.settings import CI
from properties.strategies import Strength

SHARD = ("powervm-dedicated", Strength.VALID)

def test_machine(record_property):
    guest = apply(Kernel, [catalogue()[name] for name in {defects}])
    machine = seeded(machine_of(*SHARD, guest), SHARD)
    try:
        run_state_machine_as_test(machine, settings=settings(CI, max_examples=20, phases=[Phase.generate]))
    finally:
        record_property("tally", machine.tally.report("life", "here", {goals}, {parts}))
"""
OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib")


def test_a_broken_invariant_leaves_a_folder_and_the_command_to_replay_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=["stuff-without-limit"], goals=[], parts=1))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*ddwcheck replay counterexamples/calls-well-formed-*"])
    result.stdout.fnmatch_lines(["counterexamples/index.html"])
    kept = Path(pytester.path, "counterexamples")
    folder = next(path for path in kept.iterdir() if path.is_dir())
    assert {f.name for f in folder.iterdir()} == {
        "report.txt",
        "trace.json",
        "windows.svg",
        "finding.json",
        "index.html",
    }
    report = (folder / "report.txt").read_text()
    assert "Needed, each by itself: step 1" in report and "Makes no difference" not in report  # it is shrunk
    ran = summary(kept / "summary.json")
    assert ran.title == "random state machines, seed 0" and ran.open == ""
    assert ran.machines[0].name == "life here" and ran.machines[0].steps > 0 and ran.checks["calls-well-formed"] > 0
    text = (kept / "index.html").read_text()
    assert f"ddwcheck replay counterexamples/{folder.name}" in text and "life here" in text


def test_a_goal_that_was_not_seen_fails_a_green_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=[], goals=["event Map: handle", "the moon"], parts=1))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["Reach goals of life: 1 of 2 seen", "*not seen, so the run fails: the moon"])
    ran = summary(Path(pytester.path, "counterexamples", "summary.json"))
    assert ran.goals == (Goals("life", 2, ("the moon",)),) and ran.open == "not all reach goals were seen"


def test_a_run_that_has_seen_its_goals_is_green_and_says_what_it_did(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=[], goals=["event Map: handle"], parts=1))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*life here*", "*mapping-translates*", "Reach goals of life: 1 of 1 seen"])
    assert summary(Path(pytester.path, "counterexamples", "summary.json")).open == ""


def test_a_part_of_a_run_says_that_its_goals_are_not_judged(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=[], goals=["the moon"], parts=2))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["Reach goals of life: not judged, 1 of 2 parts ran"])
    ran = summary(Path(pytester.path, "counterexamples", "summary.json"))
    assert ran.goals == (Goals("life", 0, (), judged=False),)


def test_what_did_not_end_or_failed_in_another_way_leaves_the_run_open() -> None:
    ran = Summary("7")
    assert ran.campaign(interrupted=False).open == ""
    for outcome in ("failed", "passed", "failed"):
        ran.pytest_runtest_logreport(pytest.TestReport("a test", ("a", 1, "b"), {}, outcome, None, "setup"))
    assert ran.campaign(interrupted=True).open == "interrupted, 2 tests failed without a counterexample"
