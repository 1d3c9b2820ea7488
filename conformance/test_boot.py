# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels of Debian booted in QEMU: a share of the scenarios by default, all of them where DDWCHECK_BOOTS says so."""

import os
import shutil

import pytest

from conformance.boot.machine import Hang, Machine
from conformance.boot.packages import FLAVOURS
from conformance.boot.scenarios import SCENARIOS
from conformance.qemu.guest import QEMU, NotInstalled
from ddwcheck import Verdict
from ddwcheck.boot import run
from ddwcheck.main import main

SHARE = ("6.1-remove", "6.12-one-window", "7.3-two-bridges")
"""One of each kernel, and of each way that memory and windows take."""
NAMES = [scenario.name for scenario in SCENARIOS] if os.environ.get("DDWCHECK_BOOTS") == "all" else SHARE
needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed")


@needs_qemu
@pytest.mark.parametrize("name", NAMES)
def test_a_booted_kernel_does_what_is_expected_and_nothing_else(name: str) -> None:
    lines, verdict = run([name], None)
    assert verdict is Verdict.HOLDS, lines


def test_the_matrix_has_two_kernels_and_a_dozen_boots() -> None:
    assert len(SCENARIOS) >= 12 and len({scenario.flavour.partition("-")[0] for scenario in SCENARIOS}) >= 2
    assert {scenario.flavour for scenario in SCENARIOS} <= set(FLAVOURS)
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


@needs_qemu
def test_a_guest_that_never_speaks_is_a_hang_and_qemu_is_ended() -> None:
    with pytest.raises(Hang, match="no 'never'"), Machine(["-S"], lambda line: None) as machine:
        machine.wait("never", 0.5)
    assert machine.process.ended


@needs_qemu
def test_a_qemu_that_does_not_start_says_why() -> None:
    with pytest.raises(Hang, match="no-such-device"):
        Machine(["-device", "no-such-device"], lambda line: None)


def test_a_machine_without_qemu_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotInstalled, match="apt-get install qemu-system-ppc"):
        Machine([], lambda line: None)
    assert main(["boot"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "apt-get install" in said.err
