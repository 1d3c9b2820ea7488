# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of real boots are judged as when they were made, with no QEMU; and what is wrong with one is seen."""

import lzma
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.boot.machine import Hang
from conformance.boot.scenarios import SCENARIOS, Scenario
from ddwcheck import Verdict
from ddwcheck.boot import Booted, carry_out
from ddwcheck.main import main

VECTORS = Path(__file__).parent / "vectors" / "boots"
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
KEPT = {path.name.partition(".txt")[0]: path for path in VECTORS.glob("*.txt.xz")}
ONE_WINDOW = "6.12-one-window"


def text_of(name: str) -> str:
    return lzma.decompress(KEPT[name].read_bytes()).decode()


def booted(scenario: Scenario, text: str, folder: Path) -> Booted:
    """The scenario as if it had just run and left that record."""

    def told_again(_: Scenario, told: Callable[[str], None]) -> None:
        for line in text.splitlines():
            told(line)

    return carry_out(scenario, folder / "record.txt", told_again)


@pytest.mark.parametrize("name", sorted(set(KEPT) & set(BY_NAME)))
def test_a_kept_boot_holds(name: str, tmp_path: Path) -> None:
    result = booted(BY_NAME[name], text_of(name), tmp_path)
    assert result.verdict is Verdict.HOLDS, list(result.report())


def test_the_kept_boots_are_small_and_of_several_kernels() -> None:
    assert sum(path.stat().st_size for path in KEPT.values()) < 2 << 20
    flavours = {BY_NAME[name].flavour for name in set(KEPT) & set(BY_NAME)}
    assert len(flavours) >= 5 and {flavour.partition("-")[0] for flavour in flavours} == {"6.1", "6.12", "7.2", "7.3"}


def test_a_finding_that_nothing_explains_is_a_violation(tmp_path: Path) -> None:
    result = booted(replace(BY_NAME[ONE_WINDOW], known=()), text_of(ONE_WINDOW), tmp_path)
    assert result.verdict is Verdict.VIOLATED
    assert any("0 TCEs in one call" in line for line in result.report())


@pytest.mark.parametrize(("wrong", "said"), [
    ({"known": (*BY_NAME[ONE_WINDOW].known, ("F2", "ram-covered"))}, "F2 was not seen: ram-covered"),
    ({"direct": 2}, "4 times a direct window was to stand beside a map of RAM, not 2"),
])  # fmt: skip
def test_what_was_expected_and_not_seen_is_open(wrong: dict[str, object], said: str, tmp_path: Path) -> None:
    result = booted(replace(BY_NAME[ONE_WINDOW], **wrong), text_of(ONE_WINDOW), tmp_path)  # type: ignore[arg-type]
    assert result.verdict is Verdict.INCONCLUSIVE and any(said in line for line in result.report())


def without(text: str, start: str) -> str:
    """A record without its last line that begins so."""
    lines = text.splitlines()
    del lines[max(number for number, line in enumerate(lines) if line.lstrip().startswith(start))]
    return "\n".join(lines)


@pytest.mark.parametrize(("start", "said"), [
    ("spapr_iommu_pci_indirect", "of H_PUT_TCE_INDIRECT, QEMU "), ("spapr_iommu_ddw_query", "answers of query, QEMU traced"),
])  # fmt: skip
def test_a_call_that_only_one_side_tells_of_is_open(start: str, said: str, tmp_path: Path) -> None:
    name = "6.12-64k-e1000e"
    result = booted(BY_NAME[name], without(text_of(name), start), tmp_path)
    assert result.verdict is not Verdict.HOLDS and any(said in line for line in result.report())


def test_a_complaint_of_the_kernel_is_a_violation(tmp_path: Path) -> None:
    name = "6.12-64k-e1000e"
    text = (
        text_of(name) + "[   12.345678] WARNING: CPU: 0 PID: 1 at arch/powerpc/kernel/iommu.c:450 iommu_free+0x1/0x2\n"
    )
    result = booted(BY_NAME[name], text, tmp_path)
    assert result.verdict is Verdict.VIOLATED and any("WARNING: CPU" in line for line in result.report())


def test_a_hang_is_open_and_what_was_recorded_is_kept(tmp_path: Path) -> None:
    def hangs(_: Scenario, told: Callable[[str], None]) -> None:
        told("[    0.000000] Linux version 6.12")
        raise Hang("no 'ddwcheck: ready' within 1 s")

    result = carry_out(SCENARIOS[0], tmp_path / "record.txt", hangs)
    assert result.verdict is Verdict.INCONCLUSIVE and "no 'ddwcheck: ready'" in result.open[0]
    assert "Linux version" in (tmp_path / "record.txt").read_text()


def test_ctrl_c_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = text_of("6.1-remove")

    def once(scenario: Scenario, told: Callable[[str], None]) -> None:
        if scenario.name != "6.1-remove":
            raise KeyboardInterrupt
        for line in text.splitlines():
            told(line)

    monkeypatch.setattr("ddwcheck.boot.require_programs", lambda *programs: None)
    monkeypatch.setattr("ddwcheck.boot._boot", once)
    assert main(["boot", "6.1-remove", "6.1-xhci"]) == 3
    said = capsys.readouterr().out
    assert said.startswith("HOLDS") and "1 of 2 boots, interrupted" in said


def test_an_unknown_scenario_is_one_line_that_names_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boot", "6.12-nothing"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "6.12-split" in said.err
