# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck doctor` sees what is there, what is not, and what does not work although it is there."""

from pathlib import Path

import pytest

from ddwcheck import doctor
from ddwcheck.main import main


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a program and without a kernel source."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *wanted: str, code: int) -> str:
    assert main(["doctor", *wanted]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return " ".join(out.split())


def test_on_a_bare_machine_everything_is_missing_and_said_how_to_get(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, code=0)
    for task in ("kernel", "sanitize", "sources", "qemu", "boot", "page", "since"):
        assert f"lacks {task}: " in out
    assert "ready prove: " in out  # what this runs in
    for get in ("apt-get install qemu-system-ppc", "apt-get install gcc", "ddwcheck sources 7.3"):
        assert get in out


@pytest.mark.parametrize("task", ["kernel", "sanitize", "sources", "qemu", "boot", "page", "since"])
def test_what_is_wanted_and_missing_is_exit_3(task: str, bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, task, code=3)
    assert f"lacks {task}: " in out and "ready" not in out


def test_a_program_that_is_there_is_told_with_its_version(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(bare, "git", "echo git version 9.87.6")
    out = said(capsys, "since", code=0)
    assert "git 9.87.6" in out and "ready since: " in out


def test_a_compiler_that_cannot_sanitize_is_found_out(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = """case "$*" in
*-fsanitize=address*) exit 1;;
*-dumpfullversion*) echo 99.1.0;;
*) while [ $# -gt 1 ]; do [ "$1" = -o ] && printf '#!/bin/sh\\nexit 0\\n' > "$2" && /bin/chmod +x "$2"; shift; done;;
esac"""
    program(bare, "gcc", script)
    out = said(capsys, "sanitize", code=3)
    assert "gcc 99.1.0" in out and "ASan missing" in out and "UBSan compiles and runs" in out


def test_a_cache_that_holds_something_else_is_no_source(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bare / "ddwcheck" / "linux-source-7.3").mkdir(parents=True)
    assert "linux-source-7.3 missing" in said(capsys, "sources", code=3)


def test_a_task_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "cook"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_piece_serves_a_task_and_every_task_has_pieces() -> None:
    assert {task for piece in doctor.PIECES for task in piece.serves} == set(doctor.TASKS)
