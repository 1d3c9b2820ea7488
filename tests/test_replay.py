# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck replay`: traces that hold, traces that do not, and files that are no trace."""

import json
from pathlib import Path
from typing import Any

import pytest

from ddwcheck.main import main
from model.defects import Defect, apply, catalogue, of_release
from model.events import Attach, Event, Fault, Map, Offline, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Profile, simple_lpar
from model.run import InvariantBroken, Run
from model.trace import Trace, to_json
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

ALL_BITS = DmaMask((1 << 64) - 1)
PAGE = Span(PhysAddr(0x10000), PhysAddr(0x20000))
HOLDS: tuple[Event, ...] = (
    SetMask(0, DmaMask((1 << 32) - 1)), Map(0, PAGE, Direction.TO_DEVICE), Unmap(0), SetMask(0, ALL_BITS),
)  # fmt: skip
CREATE_FAILS = (Step(SetMask(0, ALL_BITS), (Fault("create", 0, -1),)),)


def record(
    steps: tuple[Step, ...], profile: Profile = POWERVM_SRIOV, release: str = "reference", defects: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The trace of a run, as a counterexample folder keeps it."""
    trace = Trace(profile, simple_lpar(64 * GIB, vpmem=0), steps, release, defects)
    rules: list[Defect] = [*of_release(release), *(catalogue()[name] for name in defects)]
    run = Run(profile, trace.lpar, apply(Kernel, rules), apply(Papr, rules))
    try:
        for step in steps:
            run.step(step)
    except InvariantBroken as broken:
        return to_json(trace, run.history, broken.violations)
    return to_json(trace, run.history)


def events(*some: Event) -> tuple[Step, ...]:
    return tuple(Step(event) for event in some)


def keep(tmp_path: Path, data: Any) -> str:
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(data))
    return str(file)


def test_a_good_trace_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", keep(tmp_path, record(events(*HOLDS)))]) == 0
    out = capsys.readouterr().out
    assert "1. SetMask(device=0, mask=0xffffffff): accepted\n" in out
    assert "4. SetMask(device=0, mask=0xffffffffffffffff): accepted, bypass\n" in out
    assert "HOLDS: all invariants held after each of 4 steps" in out
    assert "the calls and answers of 4 steps are those recorded" in out
    assert "ibm,query" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_folder_is_as_good_and_verbose_prints_the_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path, record(events(*HOLDS)))
    assert main(["replay", "-v", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "     query(args 0x280000 0x8000000 0x20000524" in out
    assert "     H_PUT_TCE" in out


def test_a_violation_is_shown_with_both_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(tmp_path, record(CREATE_FAILS, release="6.12"))
    assert main(["replay", path]) == 1
    out = capsys.readouterr().out
    assert "rules: Linux 6.12, defects: " in out
    assert "create answers -1 after 0: accepted, bypass" in out
    assert "VIOLATED enable-fails-clean" in out
    assert "  expected " in out
    assert "  observed " in out
    assert "recorded violations" not in out


def test_the_same_trace_holds_on_the_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(tmp_path, record(CREATE_FAILS, release="6.12"))
    assert main(["replay", path, "--release", "reference"]) == 0
    out = capsys.readouterr().out
    assert "the calls differ from step 1" in " ".join(out.split())
    assert "recorded violations: calls-well-formed, enable-fails-clean" in " ".join(out.split())


def test_a_defect_of_the_trace_can_be_taken_as_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "default-removed-uncleared"
    path = keep(tmp_path, record(CREATE_FAILS, defects=(name,)))
    assert main(["replay", path]) == 1
    assert main(["replay", path, "--fixed-defects", "none"]) == 1
    assert main(["replay", path, "--fixed-defects", name]) == 0
    assert main(["replay", path, "--fixed-defects", "all"]) == 0
    capsys.readouterr()
    assert main(["replay", path, "--fixed-defects", "other"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_other_calls_than_recorded_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = record(events(*HOLDS))
    data["steps"][3]["calls"][0]["outputs"][0] = "0x7"
    assert main(["replay", keep(tmp_path, data)]) == 0
    assert "the calls differ from step 4, call 1 on: recorded query" in capsys.readouterr().out


def test_a_trace_without_calls_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = to_json(Trace(POWERVM_DEDICATED, simple_lpar(64 * GIB), events(*HOLDS)))
    assert main(["replay", keep(tmp_path, data)]) == 0
    assert "no calls are recorded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("steps", "number"),
    [
        (events(*HOLDS, Unmap(0)), 5),
        (events(Attach(0)), 1),
        (events(HOLDS[0], HOLDS[1], Offline(0)), 3),
        (events(SetMask(9, ALL_BITS)), 1),
    ],
)
def test_an_impossible_event_is_named_by_its_step(
    steps: tuple[Step, ...], number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = keep(tmp_path, to_json(Trace(POWERVM_SRIOV, simple_lpar(64 * GIB), steps)))
    assert main(["replay", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"step {number}: " in err
    assert "cannot happen here" in err
    assert err.count("\n") == 1


def test_a_trace_without_steps_proves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(tmp_path, to_json(Trace(POWERVM_SRIOV, simple_lpar(64 * GIB), ())))
    assert main(["replay", path]) == 3
    assert "INCONCLUSIVE: the trace has no steps" in capsys.readouterr().out


def changed(*keys: Any, to: Any = None) -> dict[str, Any]:
    """A good trace with one entry replaced, or dropped where there is nothing to put there."""
    data = record(events(*HOLDS))
    place: Any = data
    for key in keys[:-1]:
        place = place[key]
    if to is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = to
    return data


BAD: dict[str, Any] = {
    "other JSON": [1, 2],
    "no version": changed("ddwcheck_trace"),
    "other version": changed("ddwcheck_trace", to=99),
    "no profile": changed("profile"),
    "no events": changed("steps"),
    "no mask": changed("steps", 0, "mask"),
    "unknown event": changed("steps", 0, "event", to="Explode"),
    "unknown defect": changed("defects", to=["no-such-defect"]),
    "defects as text": changed("defects", to="text"),
    "defect as list": changed("defects", to=[["x"]]),
    "unknown release": changed("release", to="2.4"),
    "unknown choice": changed("profile", "choices", "liobn", to="any"),
    "range backwards": changed("steps", 1, "memory", to=["0x2000", "0x1000"]),
    "kernel page": changed("lpar", "page", to=13),
    "no device": changed("lpar", "functions", to=[]),
    "PEs not numbered from 0": changed("lpar", "functions", to=[1]),
    "devices without end": changed("lpar", "functions", to=[0] * 5000),
    "a hypercall that nobody knows": changed("lpar", "multi_tce", to=4),
    "position outside": changed("lpar", "online", to=[7]),
    "blocks overlap": changed("lpar", "blocks", to=[["0x0", "0x20000000"], ["0x10000000", "0x30000000"]]),
    "reserved outside of RAM": changed("lpar", "reserved", to=[["0x7000000000000", "0x7000000010000"]]),
    "reserved twice": changed("lpar", "reserved", to=[["0x0", "0x20000"], ["0x10000", "0x30000"]]),
    "huge RAM maximum": changed("lpar", "hotplug_max", to="0x10000000000000000"),
    "wide cell": changed("profile", "pages", to="0x100000000"),
    "outputs": changed("profile", "query_outputs", to=7),
    "status": changed("steps", 3, "faults", to=[{"point": "create", "skip": 0, "answer": 12345}]),
    "fault": changed("steps", 3, "faults", to=[{"point": "create"}]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_trace_is_one_line_on_stderr(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", keep(tmp_path, BAD[name])]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("ddwcheck: ")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"ddwcheck_trace": NaN}'])
def test_what_is_not_json_is_one_line_on_stderr(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trace.json").write_bytes(content)
    assert main(["replay", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("arguments", [[], ["/nonexistent"], ["/usr"], ["--release", "6.12"], ["a\0b"]])
def test_bad_usage_is_one_line_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
