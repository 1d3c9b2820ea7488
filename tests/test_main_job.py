# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job can fail: a broken invariant leaves a counterexample, and a goal that was not seen fails the run."""

from pathlib import Path

import pytest

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
    folder = next(Path(pytester.path, "counterexamples").iterdir())
    assert {f.name for f in folder.iterdir()} == {"report.txt", "trace.json", "windows.svg", "finding.json", "index.html"}


def test_a_goal_that_was_not_seen_fails_a_green_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=[], goals=["event Map: handle", "the moon"], parts=1))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["Reach goals of life: 1 of 2 seen", "*not seen, so the run fails: the moon"])


def test_a_run_that_has_seen_its_goals_is_green_and_says_what_it_did(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=[], goals=["event Map: handle"], parts=1))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*life here*", "*mapping-translates*", "Reach goals of life: 1 of 1 seen"])


def test_a_part_of_a_run_says_that_its_goals_are_not_judged(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MACHINE.format(defects=[], goals=["the moon"], parts=2))
    result = pytester.runpytest_subprocess(*OPTIONS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["Reach goals of life: not judged, 1 of 2 parts ran"])
