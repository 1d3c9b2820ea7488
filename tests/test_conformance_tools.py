# SPDX-License-Identifier: GPL-2.0-or-later
"""Survey, shrinker, baseline and differ on guests that need no kernel: the reference, with and without defects."""

from pathlib import Path

import pytest

from conformance import baseline
from conformance.baseline import BadBaseline, Known
from conformance.differ import Difference, compare, story
from conformance.scope import Bounded, OutOfScope
from conformance.shrink import shrink
from conformance.survey import Survey, explore, settle, shown_by, watch
from ddwcheck.main import main
from model.calls import HcallAnswer, HcallStatus, PutTceIndirect, StuffTce, TceRun, tce_list
from model.defects import apply, catalogue
from model.events import Beginning, Fault, Inside, Map, Offline, Online, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.ledger import Crossing
from model.profiles import PROFILES, simple_lpar
from model.run import Run
from model.trace import Trace
from model.types import GIB, MIB, BusAddress, Direction, DmaMask, Liobn, PhysAddr, Span, Tce
from properties.machine import SHARDS

ALL = DmaMask((1 << 64) - 1)
LEAK = apply(Kernel, [catalogue()["unmap-by-offset-alone"]])
VPMEM = PhysAddr(8 * GIB)
LEAKING = Trace(
    PROFILES["powervm-sriov"], simple_lpar(4 * GIB, vpmem=GIB),
    (
        Step(Online(1)), Step(SetMask(0, ALL), (Fault("allocate failed-entry", 0, 0),)), Step(Offline(1)),
        Step(Map(0, Span(PhysAddr(VPMEM + 4097), PhysAddr(VPMEM + 9 * MIB)), Direction.TO_DEVICE, 3)), Step(Unmap(0)),
    ),
)  # fmt: skip
NAME = "route-agrees: map set TCEs for this handle, unmap took it for a direct one (Unmap)"


def test_the_reference_shows_nothing_and_a_defect_what_it_breaks() -> None:
    assert watch(LEAKING, Kernel)[0] == []
    assert NAME in [sight.fingerprint for sight in watch(LEAKING, LEAK)[0]]


def test_a_trace_is_shrunk_to_what_it_needs() -> None:
    small = shrink(LEAKING, lambda t: NAME in [s.fingerprint for s in watch(t, LEAK)[0]])
    assert [type(step.event).__name__ for step in small.steps] == ["SetMask", "Map", "Unmap"]
    assert not any(step.faults for step in small.steps)
    mapped = small.steps[1].event
    assert isinstance(mapped, Map) and mapped.memory.size == 1 << small.lpar.page and mapped.cpu == 0


def test_a_trace_that_shows_nothing_smaller_stays_as_it_is() -> None:
    assert shrink(LEAKING, lambda trace: trace == LEAKING) == LEAKING


def test_a_survey_finds_a_defect_and_keeps_a_short_trace() -> None:
    survey = Survey(apply(Kernel, [catalogue()["set-ignores-errors"]]))
    for shard in SHARDS[:2]:
        explore(survey, shard, 0)
    names = [name for name in survey.found if name.startswith("map-fails-clean")]
    settle(survey, names, lambda: None)
    shortest = min((survey.found[name].trace.steps for name in names), key=len)
    assert len(shortest) == 1 and isinstance(shortest[0].event, Beginning)


def test_a_survey_of_the_reference_finds_nothing() -> None:
    survey = Survey(Kernel)
    explore(survey, SHARDS[1], 0)
    assert survey.steps and not survey.found


def test_what_the_other_guest_shows_too_is_excused() -> None:
    assert shown_by(LEAK)(NAME, LEAKING)
    assert not shown_by(Kernel)(NAME, LEAKING)
    survey = Survey(LEAK, shown_by(LEAK))
    assert not survey.shows(NAME, LEAKING)


def test_two_guests_that_do_the_same_do_not_differ_and_a_defect_does() -> None:
    assert compare(LEAKING, Kernel, Kernel) is None
    found = compare(LEAKING, Kernel, LEAK)
    assert isinstance(found, Difference) and found.step == 4 and found.other is None


def crossings(*calls: TceRun | StuffTce | PutTceIndirect) -> list[Crossing]:
    done = HcallAnswer(HcallStatus.SUCCESS)
    name = {StuffTce: "H_STUFF_TCE", PutTceIndirect: "H_PUT_TCE_INDIRECT"}
    return [
        Crossing(name[c.kind if isinstance(c, TceRun) else type(c)], c, HcallAnswer(done.status, done=len(c))
                 if isinstance(c, TceRun) else done, False, 0)
        for c in calls
    ]  # fmt: skip


@pytest.mark.parametrize("entries", [512, 513, 1024, 1500])
@pytest.mark.parametrize("kind", [StuffTce, PutTceIndirect])
def test_a_loop_is_the_same_story_however_it_was_recorded(kind: type, entries: int) -> None:
    step = 0 if kind is StuffTce else 4096
    whole = TceRun(kind, Liobn(1), BusAddress(0x10000), Tce(3), step, 4096, entries, 512)
    assert story(crossings(whole)) == story(crossings(*whole.calls()))  # type: ignore[arg-type]
    shorter = TceRun(kind, Liobn(1), BusAddress(0x10000), Tce(3), step, 4096, entries - 1, 512)
    assert story(crossings(whole)) != story(crossings(shorter))


def test_a_loop_behind_a_single_call_elsewhere_is_the_same_story_too() -> None:
    before = StuffTce(Liobn(1), BusAddress(0), Tce(3), 1)
    loop = TceRun(StuffTce, Liobn(1), BusAddress(0x80000), Tce(3), 0, 4096, 64, 1)
    assert story(crossings(before, loop)) == story(crossings(before, *loop.calls()))  # type: ignore[arg-type]


def test_a_long_uneven_loop_is_out_of_scope() -> None:
    run = Run(PROFILES["powervm-sriov"], simple_lpar(GIB), Kernel, Bounded)
    loop = TceRun(StuffTce, run.hypervisor.windows(run.pes[0])[0].liobn, BusAddress(0), Tce(0), 0, 8192, 1 << 28, 512)
    with pytest.raises(OutOfScope):
        run.hypervisor.hcall(loop)


def test_a_list_that_is_uneven_stays_as_it_is() -> None:
    calls = [PutTceIndirect(Liobn(1), BusAddress(0), tce_list(3, 4096, 4))]
    assert len(story(crossings(*calls))) == 1


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    baseline.store(path, "6.12", {NAME: Known(LEAKING, "F1")})
    assert baseline.load(path) == {NAME: Known(LEAKING, "F1")}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ddwcheck_baseline": 2}', '{"ddwcheck_baseline": 1}',
                                  '{"ddwcheck_baseline": 1, "findings": {"x": {"trace": 1}}}'])  # fmt: skip
def test_a_file_that_is_no_baseline_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(BadBaseline):
        baseline.load(path)


@pytest.mark.parametrize("arguments", [
    ["kernel", "nowhere"], ["kernel", "."], ["kernel", ".", "--update-baseline"],
    ["kernel", ".", "--baseline", "nowhere.json"],
    ["kernel", ".", "--since", "HEAD", "--against", "."], ["kernel", ".", "--coverage", "--sanitize"],
    ["kernel", ".", "--time", "-1"],
    ["replay", "tests/vectors/split-unmap-leak", "--tree", "nowhere"],
    ["replay", "tests/vectors/split-unmap-leak", "--tree", ".", "--release", "6.12"],
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1


def test_a_violation_is_named_by_its_own_event_and_what_follows_a_fatal_one_by_none() -> None:
    """Another CPU's map in the middle of a mask: it leaves no TCE, and so does whatever is judged after it."""
    guest = apply(Kernel, [catalogue()["set-ignores-errors"]])
    buffer = Map(0, Span(PhysAddr(1 << 20), PhysAddr((1 << 20) + 4096)), Direction.TO_DEVICE)
    asked = Step(SetMask(1, ALL), inside=(Inside(0, Step(buffer, (Fault("H_PUT_TCE", 0, -1),))),))
    sights, run = watch(Trace(PROFILES["powervm-dedicated"], simple_lpar(4 * GIB, devices=2), (asked,)), guest)
    assert run is not None and [type(done.step.event) for _, done in run.history[0].inside] == [Map]
    assert {sight.fingerprint.rpartition(" ")[2] for sight in sights} == {"(Map)"}
