# SPDX-License-Identifier: GPL-2.0-or-later
"""The command as people use it: examples in --help, completion, colours on terminals only, every event explained."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ddwcheck import live, story
from ddwcheck.examples import EXAMPLES, Needs
from ddwcheck.explain_events import dashed
from ddwcheck.main import app, main
from model.trace import EVENTS

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "ddwcheck.main")
VERBS = [str(command.callback.__name__) for command in app.registered_commands if command.callback]
VECTOR = "tests/vectors/split-unmap-leak"


def test_every_verb_has_examples_and_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(EXAMPLES) == set(VERBS)
    for verb, examples in EXAMPLES.items():
        assert main([verb, "--help"]) == 0
        shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert examples and all(example.command in shown and example.what in shown for example in examples)
        assert all(example.command.split()[:2] == ["ddwcheck", verb] for example in examples)


FREE = [example for examples in EXAMPLES.values() for example in examples if example.needs is Needs.NOTHING]


@pytest.mark.parametrize("example", FREE, ids=lambda example: example.command)
def test_an_example_does_what_it_says(
    example: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    command, code = getattr(example, "command"), getattr(example, "code")  # noqa: B009
    assert main(shlex.split(command)[1:]) == code
    out, err = capsys.readouterr()
    assert out and not err


def test_examples_that_need_more_are_at_least_understood(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, examples in EXAMPLES.items():
        main([verb, "--help"])
        options = capsys.readouterr().out.partition("Examples:")[0]
        known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", options))
        for example in examples:
            given = [word for word in shlex.split(example.command.partition(">")[0]) if word.startswith("-")]
            assert set(given) <= known, example.command


def completed(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What bash is told to offer at the end of a line."""
    told = {"_DDWCHECK_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main([])
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ddwcheck ker", ["kernel"]), ("ddwcheck replay --fix", ["--fixed-defects"]),
        ("ddwcheck explain --release 6.1", ["6.1", "6.12"]), ("ddwcheck log --format s", ["sarif"]),
        ("ddwcheck explain --event set", ["set-mask", "set-coherent-mask", "set-window"]),
    ],
)  # fmt: skip
def test_the_shell_completes_verbs_options_and_their_values(
    line: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(line, monkeypatch, capsys) == offered


def test_completion_can_be_had_for_a_shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    with pytest.raises(SystemExit):
        main(["--show-completion", "bash"])
    assert "_DDWCHECK_COMPLETE=complete_bash" in capsys.readouterr().out


def on_a_terminal(*arguments: str, **more: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, cwd=ROOT,
        env=environment | {"TERM": "xterm-256color"} | more,
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while True:
            try:
                said += (piece := os.read(ours, 1 << 16))
            except OSError:  # the other end is closed
                break
            if not piece:
                break
        process.wait()
    os.close(ours)
    return said.decode()


def test_colours_are_for_terminals_whose_user_wants_them(capsys: pytest.CaptureFixture[str]) -> None:
    coloured = on_a_terminal("replay", VECTOR)
    plain = on_a_terminal("replay", VECTOR, NO_COLOR="1")
    assert "\x1b[" in coloured and "VIOLATED" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == re.sub(r"\x1b\[[0-9;]*m", "", plain)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)
    assert "\x1b" not in on_a_terminal("replay", VECTOR, "--format", "json")
    main(["replay", str(ROOT / VECTOR)])
    assert "\x1b" not in capsys.readouterr().out


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert live.spinner().disable and live.bar().disable
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes that for a terminal
    assert not live.spinner().disable and not live.bar().disable


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--event", dashed(name)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    told = story.STORIES[EVENTS[name]]
    assert told and story.entry(EVENTS[name]) in told
    assert out.startswith(f"{name}: ")
    assert all(f"{step.functions[0]}()" in out and step.text in out for step in told)


def test_an_event_that_is_none_and_too_much_at_once_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--event", "explode"], ["--event", "map", VECTOR], ["no-such-trace"]):
        assert main(["explain", *arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)


def test_a_trace_without_steps_tells_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads((ROOT / VECTOR / "trace.json").read_text()) | {"steps": [], "violations": []}
    (tmp_path / "trace.json").write_text(json.dumps(data))
    assert main(["explain", str(tmp_path)]) == 3
    assert "windows" in capsys.readouterr().out


def test_a_step_that_cannot_happen_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads((ROOT / VECTOR / "trace.json").read_text())
    data["steps"] = [*data["steps"][:1], *data["steps"][2:]]
    (tmp_path / "trace.json").write_text(json.dumps(data))
    assert main(["explain", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "step 2: " in err and err.count("\n") == 1


def test_a_trace_is_told_event_by_event(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["explain", VECTOR]) == 1
    out = capsys.readouterr().out
    assert [line[:2] for line in out.splitlines() if re.match(r"\d\. ", line)] == ["1.", "2.", "3."]
    assert "decided: enable: split window" in out and "no call to firmware" in out
    assert "BROKEN: route-agrees" in out and "after step 3" in out
    assert main(["explain", VECTOR, "--release", "7.3"]) == 1
    assert "rules of Linux 7.3" in capsys.readouterr().out
