# SPDX-License-Identifier: GPL-2.0-or-later
"""Exploration misses nothing: counts are pinned, what is taken for the same state goes on the same, wrong rules are found."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ddwcheck import explore
from ddwcheck.explore import LPAR, Broken, Explorer, events, small
from ddwcheck.main import main
from ddwcheck.snapshot import Copier, key
from model.defects import apply
from model.events import Detach, Event, Map, Offline, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.profiles import POWERVM_DEDICATED, PROFILES
from model.run import Run
from model.types import Direction, DmaMask, PhysAddr, Span
from tests.known_bad import mutants

ALL_BITS, BITS_32 = DmaMask((1 << 64) - 1), DmaMask((1 << 32) - 1)
COUNTS = {
    "powervm-dedicated": [(1, 0), (13, 32), (107, 347)],
    "powervm-sriov": [(1, 0), (12, 22), (95, 257)],
    "powervm-sriov-limited": [(1, 0), (12, 22), (95, 257)],
    "qemu-pseries": [(1, 0), (13, 32), (107, 347)],
}
"""New states and transitions after 0, 1, 2 events."""


@pytest.mark.parametrize("profile", PROFILES)
def test_states_and_transitions_are_as_many_as_ever(profile: str) -> None:
    explorer = Explorer(small(PROFILES[profile]))
    explorer.explore(2)
    assert [(level.states, level.transitions) for level in explorer.levels] == COUNTS[profile]
    assert explorer.whole and not explorer.closed


def after(*done: Event) -> Run:
    run = Run(small(POWERVM_DEDICATED), LPAR)
    for event in done:
        assert run.impossible(event) is None
        run.step(Step(event))
    return run


def mapping(device: int, memory: Span[PhysAddr]) -> Map:
    return Map(device, Span(memory.start, PhysAddr(memory.start + 4096)), Direction.BIDIRECTIONAL)


RAM, VPMEM = LPAR.blocks[0], LPAR.vpmem[0]


def test_functions_may_change_places_but_nothing_else_may() -> None:
    mine, others = (SetMask(0, ALL_BITS), mapping(1, VPMEM)), (SetMask(1, ALL_BITS), mapping(0, VPMEM))
    assert key(after(*mine)) == key(after(*others))
    different = [
        after(), after(*mine), after(*mine, Unmap(0)), after(SetMask(0, BITS_32)),
        after(SetMask(0, ALL_BITS), mapping(0, VPMEM)),
        after(mapping(1, VPMEM), SetMask(0, ALL_BITS)), after(*mine, Offline(1)), after(Detach(0)),
    ]  # fmt: skip
    assert (
        len({key(run) for run in different}) == len(different) - 1
    )  # a map that fails, as the second, changes nothing


def test_a_copy_is_the_same_state_and_changes_alone() -> None:
    run = after(SetMask(0, ALL_BITS), mapping(1, VPMEM))
    copier = Copier(run)
    before, copy = key(run), copier.load(copier.save(run))
    assert key(copy) == before
    copy.step(Step(Unmap(0)))
    assert key(run) == before != key(copy)
    run.step(Step(Unmap(0)))
    assert key(run) == key(copy)


def test_what_is_met_again_goes_on_as_the_first_time() -> None:
    """States after two events that have the key of an earlier one lead to the same states as that one."""
    first: dict[bytes, tuple[Event, ...]] = {}
    pairs = []
    for one in events(after()):
        for other in events(after(one)):
            path = (one, other)
            known = first.setdefault(key(after(*path)), path)
            pairs += [(known, path)] if known != path else []
    assert len(pairs) > 20
    for known, path in pairs[::10]:
        assert {key(after(*known, event)) for event in events(after(*known))} == {
            key(after(*path, event)) for event in events(after(*path))
        }


def test_a_wrong_rule_is_found_by_the_shortest_sequence() -> None:
    explorer = Explorer(small(POWERVM_DEDICATED), [mutants()["offline-keeps-tces"]])
    with pytest.raises(Broken) as found:
        explorer.explore(3)
    assert [type(step.event) for step in found.value.path] == [SetMask, Offline]
    assert {violation.invariant for violation in found.value.broken.violations} == {"direct-maps-only-ram"}


def test_what_a_release_breaks_is_a_folder_that_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--release", "6.12", "--depth", "1", "--out", str(tmp_path)]) == 1
    (folder,) = tmp_path.iterdir()
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str(folder) and said[-2].startswith(f"VIOLATED {folder.name.removeprefix('explore-')}")
    assert "failed-enable-answers-bypass" in json.loads((folder / "finding.json").read_text())["known"]
    assert main(["replay", str(folder)]) == 1


def test_a_guest_whose_class_is_made_for_it_can_be_copied() -> None:
    guest = apply(Kernel, [mutants()["offline-keeps-tces"]])
    run = Run(small(POWERVM_DEDICATED), LPAR, guest)
    copier = Copier(run)
    assert type(copier.load(copier.save(run)).guest) is guest


def test_a_configuration_with_an_end_is_gone_through_to_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "LPAR", replace(LPAR, blocks=LPAR.blocks[:1], online=(0,), vpmem=(), vpmem_at_boot=()))
    monkeypatch.setattr(explore, "_all_events", lambda _: iter((SetMask(0, BITS_32), Detach(0), Detach(1))))
    explorer = Explorer(small(POWERVM_DEDICATED))
    explorer.explore(9)
    assert explorer.closed and explore.summary(explorer).startswith(
        "HOLDS: all invariants, in all states that there are"
    )


def test_time_that_is_up_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--time", "0"]) == 3
    assert "INCONCLUSIVE" in capsys.readouterr().out


def test_ctrl_c_is_no_success_and_keeps_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(run: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(explore, "events", interrupted)
    assert main(["explore"]) == 3
    assert "after 1 states" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--profile", "x"], ["--release", "9.9"], ["--depth", "0"],
                  ["--depth", "1", "--release", "6.12", "--out", "/dev/null/x"]], ids=str,
)  # fmt: skip
def test_bad_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
