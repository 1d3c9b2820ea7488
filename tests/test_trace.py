# SPDX-License-Identifier: GPL-2.0-or-later
"""A run that is written, read and run again is the same run; a report says what it must, in 75 columns."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddwcheck import report
from model.defects import apply, catalogue
from model.events import Attach, Fault, Inside, Map, Online, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.profiles import POWERVM_SRIOV, PROFILES, MultiTce, simple_lpar
from model.run import InvariantBroken, Run
from model.trace import Trace, from_json, to_json
from model.types import GIB, Direction, DmaMask, PhysAddr, Span
from properties.settings import CI
from properties.strategies import ALL_POINTS, Strength, configurations, faults

VECTOR = Path(__file__).parent / "vectors" / "split-unmap-leak"
ALL_BITS = DmaMask((1 << 64) - 1)


@settings(CI, max_examples=60)
@given(
    st.sampled_from(list(PROFILES)).flatmap(lambda name: configurations(name, Strength.ANYTHING)), faults(*ALL_POINTS)
)
def test_a_trace_survives_its_file_and_replays_call_by_call(drawn: tuple, dictated: tuple[Fault, ...]) -> None:  # type: ignore[type-arg]
    profile, lpar, _ = drawn
    block = lpar.blocks[0]
    steps = (
        Step(SetMask(0, ALL_BITS), dictated),
        Step(Map(0, Span(block.start, PhysAddr(block.start + 5000)), Direction.TO_DEVICE, 2)),
    )
    first = Run(profile, lpar)
    for step in steps:
        first.step(step)
    written = to_json(Trace(profile, lpar, steps, found="a test"), first.history)
    trace = from_json(json.loads(json.dumps(written)))
    assert trace == Trace(profile, lpar, steps, found="a test")
    again = Run(trace.profile, trace.lpar)
    for step in trace.steps:
        again.step(step)
    assert to_json(trace, again.history) == written


def violated_run() -> InvariantBroken:
    guest = apply(Kernel, [catalogue()["set-ignores-errors"]])
    run = Run(PROFILES["powervm-dedicated"], simple_lpar(8 * GIB), guest)
    with pytest.raises(InvariantBroken) as broken:
        run.step(Step(SetMask(0, DmaMask((1 << 32) - 1))))
        memory = Span(PhysAddr(0x1000), PhysAddr(0x4000))
        run.step(Step(Map(0, memory, Direction.BIDIRECTIONAL), (Fault("H_PUT_TCE_INDIRECT", 0, -1),)))
        run.step(Step(Unmap(0)))
    return broken.value


def test_the_report_says_what_where_and_how_to_see_it_again(tmp_path: Path) -> None:
    broken = violated_run()
    report.write(tmp_path, broken.run, broken.violations, "reference", ["set-ignores-errors"], "a test")
    text = (tmp_path / "report.txt").read_text()
    assert text.startswith("ddwcheck: map-fails-clean: ")
    assert max(map(len, text.splitlines())) <= 75 + len(str(tmp_path))
    for part in (
        "H_PUT_TCE_INDIRECT",
        "HARDWARE [dictated]",
        "expected:",
        "observed:",
        "undecided",
        "ddwcheck replay",
    ):
        assert part in text
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert from_json(trace).defects == ("set-ignores-errors",)
    assert trace["violations"][0]["invariant"] == "map-fails-clean"


def test_the_kept_report_is_what_its_trace_gives_today(tmp_path: Path) -> None:
    trace = from_json(json.loads((VECTOR / "trace.json").read_text()))
    run = Run(trace.profile, trace.lpar, apply(Kernel, [catalogue()[name] for name in trace.defects]))
    with pytest.raises(InvariantBroken) as broken:
        for step in trace.steps:
            run.step(step)
    text = report.render(Path("tests/vectors/split-unmap-leak"), run, broken.value.violations, trace)
    kept = (VECTOR / "report.txt").read_text()
    assert _without_versions(text) == _without_versions(kept)


@pytest.mark.parametrize("name", ["short", "long-" * 20, "two words", "it's", "-".join(["kernel finding"] * 9)])
def test_the_replay_line_can_be_pasted_into_a_shell(name: str) -> None:
    broken = violated_run()
    steps = tuple(done.step for done in broken.run.history)
    trace = Trace(broken.run.profile, broken.run.lpar, steps, "kernel 6.12", found="--sanitize")
    text = report.render(Path("counterexamples") / name, broken.run, broken.violations, trace)
    command = text[text.index("Replay: ") :].removeprefix("Replay: ")
    script = "ddwcheck() { printf '%s\\n' \"$@\"; }; " + command
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["replay", f"counterexamples/{name}", "--tree", "TREE", "--sanitize"]
    assert all(len(line) <= 75 or name in line for line in text.splitlines())


def _without_versions(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("ddwcheck 0.")]


def test_events_inside_others_and_shared_pes_come_back_as_they_were() -> None:
    lpar = replace(simple_lpar(GIB, devices=2), functions=(0, 0), multi_tce=MultiTce.STUFF)
    beside = Inside(1, Step(Online(1), (Fault("H_PUT_TCE", 0, -4),)))
    steps = (Step(Attach(1, frozen=True)), Step(SetMask(0, DmaMask((1 << 64) - 1)), (), (beside,)))
    trace = Trace(POWERVM_SRIOV, lpar, steps)
    assert from_json(json.loads(json.dumps(to_json(trace)))) == trace


def test_what_other_cpus_did_is_written_with_the_step_they_came_in() -> None:
    beside = Inside(1, Step(Online(1)))
    steps = (Step(SetMask(0, DmaMask((1 << 64) - 1)), (), (beside,)),)
    run = Run(POWERVM_SRIOV, simple_lpar(GIB))
    for step in steps:
        run.step(step)
    (entry,) = to_json(Trace(POWERVM_SRIOV, simple_lpar(GIB), steps), run.history)["steps"]
    (inside,) = entry["inside"]
    assert (inside["event"], inside["after"], inside["answer"]) == ("Online", 1, True)
    assert run.reached["inside: Online in SetMask"] == 1


def test_a_trace_of_version_2_is_read() -> None:
    data = to_json(Trace(POWERVM_SRIOV, simple_lpar(GIB, devices=2), ()))
    del data["lpar"]["functions"]
    data["lpar"] |= {"devices": 2, "multi_tce": True}
    data["ddwcheck_trace"] = 2
    assert from_json(data).lpar == simple_lpar(GIB, devices=2)
