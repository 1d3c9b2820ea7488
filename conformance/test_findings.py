# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings whose words in a survey are those of others too, or that it seldom meets, each on the C by a trace of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.by_hand import BY_HAND
from conformance.cause import closest_release
from conformance.conftest import RELEASES, tree_of
from conformance.kernel.kernels import Kernels
from conformance.survey import watch
from ddwcheck.listed import read as read_listed
from ddwcheck.main import main
from model.events import (
    AllocCoherent,
    AskMask,
    Attach,
    Detach,
    Event,
    Fault,
    Map,
    MapSg,
    Replug,
    SetCoherentMask,
    SetMask,
    Step,
    Unmap,
)
from model.possible import BITS_32
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, QEMU_PSERIES, Lpar, Profile, simple_lpar
from model.trace import Trace
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

ROOT = Path(__file__).parent.parent
LPAR = simple_lpar(4 * GIB, vpmem=GIB)
VPMEM = LPAR.vpmem[0].start
SPLIT, LIMITED = (6, 12), (7, 2)
"""The first of the tested releases with a split window, and with a limit below vPMEM in any window."""


def broken(kernels: Kernels, profile: Profile, *events: Event | Step, lpar: Lpar = LPAR) -> set[str]:
    steps = tuple(event if isinstance(event, Step) else Step(event) for event in events)
    sights, _ = watch(Trace(profile, lpar, steps), kernels)
    return {sight.violation.invariant for sight in sights}


OPEN = SetMask(0, DmaMask((1 << 64) - 1))
MAPPED = Map(0, Span(VPMEM, PhysAddr(VPMEM + 0x10000)), Direction.TO_DEVICE)


def test_f1_unmapping_vpmem_of_a_split_window_clears_nothing(kernels: Kernels) -> None:
    leaks = kernels.tree.version >= SPLIT
    found = broken(kernels, POWERVM_SRIOV, OPEN, MAPPED, Unmap(0))
    assert ({"route-agrees", "unmap-releases"} <= found) == leaks


@pytest.mark.parametrize("profile", [QEMU_PSERIES])
def test_f17_vpmem_is_not_reached_through_a_window_of_2_to_the_51(kernels: Kernels, profile: Profile) -> None:
    assert ("limit-matches-split" in broken(kernels, profile, OPEN)) == (kernels.tree.version < LIMITED)


DYNAMIC = replace(POWERVM_SRIOV, pages=0x2, block=1 << 20)
"""One window of at most 64 GiB in 64K pages: too small for the RAM of LARGE."""
LARGE = simple_lpar(128 * GIB)
PAGE = 1 << 16


def listed(*ranges: tuple[int, int], longest: int = 4 * PAGE, boundary: int = (1 << 32) - 1) -> MapSg:
    memory = tuple(Span(PhysAddr(start), PhysAddr(start + size)) for start, size in ranges)
    return MapSg(0, memory, Direction.BIDIRECTIONAL, longest, boundary)


def test_f30_the_element_that_cannot_be_set_keeps_its_entries(kernels: Kernels) -> None:
    short_of_resources = Fault("H_PUT_TCE_INDIRECT", 2, -44)
    event = listed((0, PAGE), (4 * PAGE, PAGE), (8 * PAGE, PAGE))
    assert "map-fails-clean" in broken(kernels, POWERVM_DEDICATED, Step(event, (short_of_resources,)))


def test_f31_segments_are_merged_across_the_boundary(kernels: Kernels) -> None:
    ranges = tuple((number * PAGE, PAGE) for number in range(4))
    assert broken(kernels, POWERVM_DEDICATED, listed(*ranges, boundary=2 * PAGE - 1)) == {"handle-in-mask"}
    assert not broken(kernels, POWERVM_DEDICATED, listed(*ranges, boundary=4 * PAGE - 1))


WHOLE = replace(LPAR, online=(0, 1), vpmem_at_boot=())
END = WHOLE.blocks[-1].stop


@pytest.mark.parametrize("profile", [POWERVM_DEDICATED, POWERVM_SRIOV], ids=lambda profile: profile.name)
def test_f32_the_last_page_of_ram_is_not_mapped_directly_from_its_middle(kernels: Kernels, profile: Profile) -> None:
    from_its_middle, whole = listed((END - PAGE // 2, PAGE // 2)), listed((END - PAGE, PAGE))
    found = broken(kernels, profile, OPEN, from_its_middle, lpar=WHOLE)
    assert ("limit-matches-split" in found) == (kernels.tree.version >= LIMITED)
    assert "limit-matches-split" not in broken(kernels, profile, OPEN, whole, lpar=WHOLE)


def test_f33_two_segments_of_2_gib_become_one_of_no_length(kernels: Kernels) -> None:
    event = listed((0, 2 * GIB), (2 * GIB, 2 * GIB), longest=2 * GIB, boundary=(1 << 64) - 1)
    assert "mapping-translates" in broken(kernels, DYNAMIC, OPEN, event, lpar=LARGE)


def test_f34_a_coherent_mask_of_32_bits_does_not_limit_a_window_above_it(kernels: Kernels) -> None:
    event = AllocCoherent(0, Span(PhysAddr(0), PhysAddr(PAGE)), BITS_32)
    assert "handle-in-mask" in broken(kernels, DYNAMIC, OPEN, event, lpar=LARGE)


def test_f35_f36_a_coherent_buffer_is_asked_of_a_table_that_is_gone(kernels: Kernels) -> None:
    event = AllocCoherent(0, Span(PhysAddr(0), PhysAddr(PAGE)), BITS_32)
    crashed = "guest-crash" in broken(kernels, POWERVM_SRIOV, OPEN, event, lpar=WHOLE)
    assert crashed == (kernels.tree.version < LIMITED)


def test_f35_so_is_one_of_a_function_that_was_found_again(kernels: Kernels) -> None:
    event = AllocCoherent(0, Span(PhysAddr(0), PhysAddr(PAGE)), BITS_32)
    assert "guest-crash" in broken(kernels, POWERVM_SRIOV, OPEN, Replug(0), event, lpar=WHOLE)
    assert "guest-crash" not in broken(kernels, POWERVM_DEDICATED, OPEN, Replug(0), event, lpar=WHOLE)


NARROW = simple_lpar(64 * GIB)
"""RAM for which 36 bits are enough, and 32 are not."""


def opens_after(kernels: Kernels, *events: Event) -> bool:
    """Whether a driver that sets a mask of 64 bits gets a window after some events."""
    _, run = watch(Trace(POWERVM_DEDICATED, NARROW, tuple(map(Step, (*events, OPEN)))), kernels)
    view = run.guest.view(0) if run is not None else None
    assert view is not None
    return view.window is not None


def test_f40_asking_for_a_mask_costs_the_device_its_window(kernels: Kernels) -> None:
    limited = kernels.tree.version >= SPLIT
    assert ("masks-do-no-harm" in broken(kernels, POWERVM_DEDICATED, AskMask(0), lpar=NARROW)) == limited
    assert opens_after(kernels)
    assert opens_after(kernels, AskMask(0)) == (not limited)


def test_f41_a_coherent_mask_takes_the_window_of_the_dma_mask(kernels: Kernels) -> None:
    event = SetCoherentMask(0, DmaMask((1 << 64) - 1))
    assert "masks-do-no-harm" in broken(kernels, POWERVM_SRIOV, event, lpar=NARROW)


@pytest.mark.parametrize("finding", BY_HAND)
def test_a_trace_kept_by_hand_shows_its_finding_where_it_is_claimed(kernels: Kernels, finding: str) -> None:
    name, trace = BY_HAND[finding]
    claimed = next(row.releases for row in read_listed(ROOT / "FINDINGS.md") if row.id == finding)
    sights, _ = watch(trace, kernels)
    here = any(sight.fingerprint == name for sight in sights)
    assert here == (closest_release(kernels.tree.version) in claimed)


FIELDS = ("What is wrong", "Listed as", "First difference", "Effect", "Why", "What it takes", "Platform ", "Sequence",
          "How a running system gets there", "Shown on the C of: ", "Class: kernel", "Found by: ", "Replay: ")  # fmt: skip


def test_a_finding_has_its_folder_and_can_be_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "F1", "F33", "Q1", "--path", str(ROOT / "FINDINGS.md"), "--out", str(tmp_path)]) == 0
    assert "3 of 3 findings have their folder" in capsys.readouterr().out
    for name in ("F1", "F33"):
        assert {file.name for file in (tmp_path / name).iterdir()} >= {"report.txt", "trace.json", "windows.svg"}
        report = (tmp_path / name / "report.txt").read_text()
        assert all(f"\n{part}" in report or f"\n  {part}" in report for part in FIELDS if part != "Why" or name == "F1")
        assert all(len(line) <= 75 or str(tmp_path) in line for line in report.splitlines())
    report = (tmp_path / "F1" / "report.txt").read_text()
    assert "Fixes: ff5163bb7000 (candidate)" in report and "Shown on the C of: 6.12, 7.2, 7.3" in report
    assert "arch/powerpc/kernel/dma-iommu.c" in report and "gcc " in report
    assert "It fails whenever the window has a direct part and the handle lies above it" in " ".join(report.split())
    main(["replay", str(tmp_path / "F1"), "--tree", str(tree_of(RELEASES[-1]).root)])
    assert "VIOLATED route-agrees" in capsys.readouterr().out


def test_a_finding_that_is_not_seen_again_has_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    harmless = Trace(POWERVM_SRIOV, LPAR, (Step(SetMask(0, BITS_32)),))
    monkeypatch.setattr("ddwcheck.findings.best", lambda row, release: ("route-agrees: nothing (Unmap)", harmless))
    assert main(["findings", "F1", "--path", str(ROOT / "FINDINGS.md"), "--out", str(tmp_path)]) == 1
    assert "does not show it any more" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


TWO = replace(NARROW, functions=(0, 0))
"""Two functions of one PE."""


def test_f42_a_coherent_mask_ends_the_bypass(kernels: Kernels) -> None:
    narrow = SetCoherentMask(0, BITS_32)
    ended = kernels.tree.version < LIMITED
    assert ("limit-matches-split" in broken(kernels, POWERVM_DEDICATED, OPEN, narrow, lpar=NARROW)) == ended


def test_f43_a_function_takes_the_default_window_of_the_other(kernels: Kernels) -> None:
    assert "masks-do-no-harm" in broken(kernels, POWERVM_SRIOV, OPEN, lpar=TWO)
    assert "masks-do-no-harm" not in broken(kernels, POWERVM_DEDICATED, OPEN, lpar=TWO)
    assert "masks-do-no-harm" not in broken(kernels, POWERVM_SRIOV, OPEN, lpar=replace(TWO, functions=(0, 1)))


def test_f44_a_frozen_pe_is_a_null_dereference(kernels: Kernels) -> None:
    assert "guest-crash" in broken(kernels, POWERVM_DEDICATED, Detach(0), Attach(0, frozen=True))
    assert not broken(kernels, POWERVM_DEDICATED, Detach(0), Attach(0))
