# SPDX-License-Identifier: GPL-2.0-or-later
"""Storms: each script starts from the same state and runs as its trace does, what is wrong makes it suspect, and a
script that kills the process ends nothing but itself.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance import baseline
from conformance.conftest import RELEASES, tree_of
from conformance.edits import Edit, apply
from conformance.gusts import Gusts, drawn
from conformance.kernel.build import PSERIES, Variant
from conformance.kernel.kernels import Kernels
from conformance.scope import Bounded
from conformance.storm import POINTS, Batch, Reason, event_words, step_of
from conformance.survey import Survey, is_fatal, watch
from conformance.test_baseline import ROOT, known_of
from ddwcheck.sources import cache_folder
from model.calls import HcallAnswer, HcallStatus, TceRun
from model.events import (
    AddVpmem,
    Attach,
    Detach,
    Event,
    Fault,
    Map,
    Offline,
    Online,
    Reboot,
    RemoveVpmem,
    SetMask,
    Step,
    Unmap,
)
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, Lpar, Profile, simple_lpar
from model.run import InvariantBroken, Run
from model.types import GIB, Direction, DmaMask, PhysAddr, Span
from properties.machine import SHARDS
from properties.sweep import CASES, LPARS, MASKS, case_name, failures, life

LPAR = simple_lpar(4 * GIB)
OPEN = Step(SetMask(0, DmaMask((1 << 64) - 1)))
BUFFER = Step(Map(0, Span(PhysAddr(0x100000), PhysAddr(0x110000)), Direction.FROM_DEVICE, 3))
CRASH = (Step(Detach(0)), Step(Attach(0), (Fault("allocate table", 0, 0),)))
"""pci_dma_bus_setup_pSeriesLP() takes the table for granted (F19)."""

STORMY = (Attach, Detach, SetMask, Map, Unmap, Online, Offline, AddVpmem, RemoveVpmem, Reboot)
"""Events that storms draw; scatterlists and coherent memory they do not yet."""


def given(kernels: Kernels, *scripts: Sequence[Step], lpar: Lpar = LPAR, profile: Profile = POWERVM_DEDICATED) -> Batch:
    """A batch of these scripts."""
    return kernels.storm(lpar.page).run(Batch(profile, lpar, len(scripts), given=scripts, told=True))


def test_an_event_is_the_same_after_its_way_to_the_process_and_back() -> None:
    memory = Span(PhysAddr(4096), PhysAddr(1 << 63))
    events: list[Event] = [
        Attach(1), Detach(0), SetMask(1, DmaMask((1 << 64) - 1)), Map(1, memory, Direction.TO_DEVICE, 3), Unmap(7),
        Online(2, True), Offline(1, True), AddVpmem(1), RemoveVpmem(0), Reboot(),
    ]  # fmt: skip
    faults = (Fault("H_STUFF_TCE", 3, -44), Fault("allocate tce-page", 0, 0))
    steps = [Step(event, faults[: number % 3]) for number, event in enumerate(events)]
    assert [step_of(event_words(step)) for step in steps] == steps


def test_a_script_does_not_depend_on_those_before_it(kernels: Kernels) -> None:
    lpar = simple_lpar(8 * GIB, vpmem=GIB, devices=2)
    many = kernels.storm(16).run(Batch(POWERVM_DEDICATED, lpar, 400, seed=5, told=True))
    assert many.run == 400 and many.suspects
    for number in range(0, 400, 23):
        alone = kernels.storm(16).run(Batch(POWERVM_DEDICATED, lpar, 1, seed=5, first=number, told=True))
        assert alone.reached == many.reached[number : number + 1]
        assert alone.suspects == [suspect for suspect in many.suspects if suspect.number == number]


def reached_by(run: Run) -> Counter[str]:
    """Calls and allocations of a run since boot, by point."""
    found: Counter[str] = Counter()
    for done in run.history:
        for crossing in done.crossings:
            calls = len(crossing.call) if isinstance(crossing.call, TceRun) else 1
            broken = isinstance(crossing.answer, HcallAnswer) and crossing.answer.status is not HcallStatus.SUCCESS
            found[crossing.name] += crossing.answer.done + 1 if broken and calls > 1 else calls  # type: ignore[union-attr]
    for point in POINTS:
        found[point] += run.reached[f"{point}: fails"] + run.reached[f"{point}: succeeds"]
    return found


@pytest.mark.parametrize("shard", SHARDS, ids=str)
def test_a_script_makes_the_calls_that_its_trace_makes(kernels: Kernels, shard: tuple[str, object]) -> None:
    """Scripts in which nothing looks wrong, call by call and allocation by allocation."""
    compared = missed = 0
    for number, (profile, lpar) in enumerate(drawn(shard, 3)):  # type: ignore[arg-type]
        batch = Batch(profile, lpar, 30, seed=number, patience=100_000, everything=True)
        kernels.storm(lpar.page).run(batch)
        for suspect in [suspect for suspect in batch.suspects if not suspect.signs][:12]:
            again = given(kernels, suspect.steps, lpar=lpar, profile=profile)
            run = Run(profile, lpar, kernels, Bounded)
            before = reached_by(run)
            if condemned(run, suspect.steps):
                missed += 1
                continue
            made = reached_by(run) - before
            assert made == +Counter(dict(zip(POINTS, again.reached[0], strict=True))), (profile, lpar, suspect.steps)
            compared += 1
    assert compared > 5
    assert missed <= compared / 4, (compared, missed)


def condemned(run: Run, steps: Sequence[Step]) -> bool:
    """Whether the judge sees, while the steps are carried out, more than a call that is not well formed."""
    for step in steps:
        assert run.impossible(step.event) is None, step
        try:
            run.step(step)
        except InvariantBroken as broken:
            if any(map(is_fatal, broken.violations)):
                return True
    return False


def test_a_crash_ends_one_script_and_no_other(kernels: Kernels) -> None:
    batch = given(kernels, (OPEN,), CRASH, (OPEN, BUFFER), CRASH, (BUFFER,))
    assert (batch.booted, batch.run, batch.deaths) == (True, 5, 2)
    assert [(s.number, s.signs[-1].reason) for s in batch.suspects] == [(1, Reason.DIED), (3, Reason.DIED)]
    assert batch.reached[2][POINTS.index("create")] == 1


WRONG = {
    "an endless loop": (
        Edit(PSERIES, "case MEM_OFFLINE:", "case MEM_OFFLINE: for (;;) ;", "static int iommu_mem_notifier("),
        (Step(Offline(0)),), Reason.DIED,
    ),
    "a lock that is kept": (
        Edit(PSERIES, "mutex_unlock(&dma_win_init_mutex);", ";", "static bool enable_ddw("), (OPEN,), Reason.LOCKED,
    ),
    "memory that is kept": (
        Edit(PSERIES, "kfree(window);", ";", "static int iommu_reconfig_notifier("), (OPEN,), Reason.LEFT_MEMORY,
    ),
    "a window that is kept": (
        Edit(PSERIES, "__remove_dma_window(np, ddw_avail, liobn);", ";", "static void remove_dma_window("), (OPEN,),
        Reason.LEFT_WINDOW,
    ),
    "TCEs that are kept": (
        Edit(PSERIES, "if (cleanup)", "if (0)", "static void remove_dma_window("), (OPEN,), Reason.DIRTY,
    ),
    "RAM that is not mapped": (
        Edit(PSERIES, "case MEM_GOING_ONLINE:", "", "static int iommu_mem_notifier("), (OPEN, Step(Online(1))),
        Reason.RAM_UNREACHED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_makes_a_script_suspect(wrong: str, tmp_path: Path) -> None:
    edit, script, reason = WRONG[wrong]
    tree = apply(tree_of(RELEASES[-1]), tmp_path / "tree", edit)
    with Kernels(tree, tmp_path / "programs") as kernels:
        batch = given(kernels, script, script)
    assert [suspect.signs[0].reason for suspect in batch.suspects] == [reason, reason]


def test_a_sanitizer_makes_a_script_suspect_too() -> None:
    """F16: the default window's property is read beyond its end."""
    with Kernels(tree_of(RELEASES[-1]), cache_folder(None) / "programs", Variant(sanitized=True)) as kernels:
        calm = given(kernels, (OPEN, BUFFER, Step(Unmap(0))))
        wrong = given(kernels, (OPEN,), (BUFFER,), profile=POWERVM_SRIOV)
        batch = kernels.storm(16).run(Batch(POWERVM_DEDICATED, LPAR, 300, patience=2_000_000))
        assert batch.run > 30 and batch.suspects
    assert (calm.run, calm.suspects) == (1, [])
    assert [(s.number, s.signs[-1].reason) for s in wrong.suspects] == [(0, Reason.DIED)]


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_a_sweep_suspects_whatever_the_judge_condemns(kernels: Kernels, profile: Profile, lpar: str, mask: str) -> None:
    faults = failures(profile, LPARS[lpar], MASKS[mask], kernels, Bounded)
    lives = [life(profile, LPARS[lpar], MASKS[mask], (fault,)) for fault in faults]
    batch = given(kernels, *(one.steps for one in lives), lpar=LPARS[lpar], profile=profile)
    suspects = {suspect.number for suspect in batch.suspects}
    condemned = {n: {s.fingerprint for s in watch(one, kernels)[0]} for n, one in enumerate(lives)}
    assert {n: found for n, found in condemned.items() if found and n not in suspects} == {}

    gusts = Gusts(Survey(kernels), kernels)
    gusts.sweep(profile, LPARS[lpar], MASKS[mask])
    assert set().union(*condemned.values()) <= set(gusts.survey.found)
    assert set(gusts.survey.found) <= set(known_of(kernels))
    assert gusts.scripts > 10


def test_storms_find_what_is_known() -> None:
    """Of 6.12's findings that one or two events show, most within a few seconds; and what is not confirmed is kept."""
    known = baseline.load(ROOT / "conformance" / "baseline-6.12.json")
    small = {
        name for name, entry in known.items()
        if len(entry.trace.steps) <= 2 and all(isinstance(step.event, STORMY) for step in entry.trace.steps)
    }  # fmt: skip
    with Kernels(tree_of("6.12"), cache_folder(None) / "programs") as kernels:
        gusts = Gusts(Survey(kernels), kernels)
        for shard in SHARDS:
            gusts.gust(shard, 0)
        found = set(gusts.survey.found)
        assert len(small & found) > len(small) * 3 / 4, sorted(small - found)
        assert sum(gusts.judged.values()) == gusts.survey.examples > 100
        assert set(gusts.unconfirmed) == set(gusts.examples)
        assert all(not watch(trace, kernels)[0] for trace in gusts.examples.values())
