# SPDX-License-Identifier: GPL-2.0-or-later
"""User space takes a PE, makes its own windows, and gives the PE back."""

from dataclasses import replace

import pytest

from model.calls import HcallStatus, RtasStatus
from model.events import (
    Attach,
    CreateTable,
    Detach,
    EehReset,
    Event,
    Fault,
    Map,
    MapUser,
    Online,
    Reboot,
    ReleaseOwnership,
    Replug,
    SetMask,
    SetWindow,
    Step,
    TakeOwnership,
    UnmapUser,
    UnsetWindow,
)
from model.interfaces import Answer
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, QEMU_PSERIES, Lpar, MultiTce, Profile, simple_lpar
from model.run import Run
from model.types import GIB, MIB, TIB, BusAddress, Direction, DmaMask, PhysAddr, Span

LPAR = simple_lpar(8 * GIB)
TWO_FUNCTIONS = replace(simple_lpar(8 * GIB, devices=2), functions=(0, 0))
TWO_PES = simple_lpar(8 * GIB, devices=2)
OPEN = SetMask(0, DmaMask((1 << 64) - 1))
BUFFER = Span(PhysAddr(MIB), PhysAddr(2 * MIB))
DEFAULT = POWERVM_DEDICATED.default.size
SMALL = CreateTable(0, 0, 12, DEFAULT)
LARGE = CreateTable(0, 0, 16, 16 * GIB)


def driven(*events: Event | Step, profile: Profile = POWERVM_DEDICATED, lpar: Lpar = LPAR) -> Run:
    run = Run(profile, lpar)
    for event in events:
        do(run, event)
    return run


def do(run: Run, event: Event | Step) -> Answer:
    step = event if isinstance(event, Step) else Step(event)
    assert run.impossible(step.event) is None
    return run.step(step)


def shapes(run: Run) -> set[tuple[int, int]]:
    """Page shift and size of each window of the first PE."""
    return {(window.page_shift, window.span.size) for window in run.hypervisor.windows(run.pe(0))}


@pytest.mark.parametrize("profile", [POWERVM_DEDICATED, POWERVM_SRIOV, QEMU_PSERIES], ids=lambda p: p.name)
def test_a_pe_that_is_taken_has_no_window_at_all(profile: Profile) -> None:
    run = driven(OPEN, TakeOwnership(0), profile=profile)
    assert shapes(run) == set()
    view = run.guest.view(0)
    assert view is not None and not view.tables and view.window is None


def test_the_first_table_may_be_the_default_window_and_the_second_a_large_one() -> None:
    run = driven(OPEN, TakeOwnership(0), SMALL)
    assert do(run, CreateTable(0, 1, 16, 16 * GIB)) == POWERVM_DEDICATED.dma64
    assert shapes(run) == {(12, DEFAULT), (16, 16 * GIB)}


def test_part_of_the_default_window_is_all_that_a_smaller_table_covers() -> None:
    run = driven(TakeOwnership(0), CreateTable(0, 0, 12, DEFAULT // 4), SetWindow(0, 0, 0))
    beyond = MapUser(0, 0, BusAddress(DEFAULT // 4), BUFFER, Direction.BIDIRECTIONAL)
    assert do(run, beyond) is None
    assert do(run, replace(beyond, iova=BusAddress(DEFAULT // 4 - MIB))) == DEFAULT // 4 - MIB


@pytest.mark.parametrize("profile", [POWERVM_DEDICATED, POWERVM_SRIOV], ids=lambda p: p.name)
def test_the_first_table_may_be_a_large_one_even_where_there_is_one_window_in_all(profile: Profile) -> None:
    run = driven(OPEN, TakeOwnership(0), profile=profile)
    for _ in range(2):
        assert do(run, LARGE) is not None
        assert shapes(run) == {(16, 16 * GIB)}
        assert do(run, UnsetWindow(0, 0)) is True
        assert shapes(run) == set()


@pytest.mark.parametrize(
    "refused",
    [replace(LARGE, window_size=64 * TIB), replace(LARGE, window_size=3 * GIB), replace(LARGE, levels=2),
     replace(LARGE, page_shift=13), replace(LARGE, window_size=4096)],
    ids=["too large", "no power of two", "two levels", "pages not offered", "less than a page"],
)  # fmt: skip
def test_a_table_that_cannot_be_had_changes_nothing(refused: CreateTable) -> None:
    run = driven(TakeOwnership(0))
    assert do(run, refused) is None
    assert do(run, LARGE) is not None


def test_there_is_one_dynamic_window_and_the_default_one_does_not_cost_it() -> None:
    run = driven(TakeOwnership(0), LARGE)
    assert do(run, replace(LARGE, number=1)) is None
    do(run, UnsetWindow(0, 0))
    driven_on: list[Event] = [SMALL, replace(LARGE, number=1), UnsetWindow(0, 0)]
    for event in driven_on:
        do(run, event)
    assert do(run, SMALL) is None
    assert shapes(run) == {(16, 16 * GIB)}


def test_memory_is_mapped_where_user_space_says_with_the_access_it_says() -> None:
    run = driven(TakeOwnership(0), LARGE, SetWindow(0, 0, 0))
    at = BusAddress(POWERVM_DEDICATED.dma64 + 7 * MIB)
    assert do(run, MapUser(0, 0, at, BUFFER, Direction.FROM_DEVICE)) == at
    reached = run.hypervisor.translate(run.pe(0), BusAddress(at + 0x12345))
    assert reached is not None and (reached.memory, reached.control) == (BUFFER.start + 0x12345, 2)
    do(run, UnmapUser(0))
    assert run.hypervisor.translate(run.pe(0), at) is None


def test_what_a_process_leaves_mapped_is_cleared_when_its_table_goes() -> None:
    run = driven(TakeOwnership(0), SMALL, SetWindow(0, 0, 0), MapUser(0, 0, BusAddress(0), BUFFER, Direction.TO_DEVICE))
    assert do(run, UnsetWindow(0, 0)) is True
    assert not run.ledger.mappings and shapes(run) == set()


def test_a_map_that_is_refused_in_its_middle_is_undone() -> None:
    run = driven(TakeOwnership(0), SMALL, SetWindow(0, 0, 0))
    event = MapUser(0, 0, BusAddress(0), BUFFER, Direction.TO_DEVICE)
    assert do(run, Step(event, (Fault("H_PUT_TCE", 100, int(HcallStatus.HARDWARE)),))) is None
    assert run.hypervisor.translate(run.pe(0), BusAddress(0)) is None


def test_memory_that_comes_online_is_not_mapped_in_a_window_of_user_space() -> None:
    run = driven(TakeOwnership(0), LARGE, SetWindow(0, 0, 0))
    do(run, Online(1))
    assert not run.history[-1].crossings


def test_a_table_is_not_the_table_of_another_pe() -> None:
    run = driven(TakeOwnership(0), TakeOwnership(1), SMALL, replace(SMALL, device=1), lpar=TWO_PES)
    assert do(run, SetWindow(1, 0, 0)) is False
    assert do(run, SetWindow(1, 0, 1)) is True


@pytest.mark.parametrize("lpar", [LPAR, TWO_FUNCTIONS], ids=["one function", "two functions"])
def test_the_host_has_its_device_back_with_every_function(lpar: Lpar) -> None:
    run = driven(OPEN, TakeOwnership(0), LARGE, UnsetWindow(0, 0), ReleaseOwnership(0), lpar=lpar)
    assert shapes(run) == {(12, DEFAULT)}
    for device in range(lpar.devices):
        assert isinstance(do(run, Map(device, BUFFER, Direction.TO_DEVICE)), int)
    for device in range(lpar.devices):
        answer = run.guest.view(device)
        assert answer is not None and answer.current == POWERVM_DEDICATED.first_liobn


def test_a_pe_whose_window_cannot_be_removed_stays_with_the_host() -> None:
    taken = Step(TakeOwnership(0), (Fault("remove", 0, int(RtasStatus.HARDWARE)),))
    run = driven(OPEN)
    assert do(run, taken) is False
    assert isinstance(do(run, Map(0, BUFFER, Direction.TO_DEVICE)), int)


def test_without_a_reset_the_default_window_stays_and_serves_both() -> None:
    run = driven(TakeOwnership(0), SMALL, profile=replace(POWERVM_DEDICATED, extensions=(), query_outputs=5))
    do(run, UnsetWindow(0, 0))
    do(run, ReleaseOwnership(0))
    assert shapes(run) == {(12, DEFAULT)}


def test_nothing_of_the_host_happens_to_a_pe_in_user_space() -> None:
    run = driven(TakeOwnership(0), lpar=TWO_FUNCTIONS)
    for event in (
        OPEN,
        Map(1, BUFFER, Direction.TO_DEVICE),
        Detach(1),
        Replug(1),
        Attach(0),
        TakeOwnership(1),
        Reboot(),
    ):
        assert run.impossible(event) is not None
    assert run.impossible(EehReset(1)) is None


def test_user_space_maps_only_through_tables_that_were_set_and_where_it_has_nothing() -> None:
    run = driven(TakeOwnership(0), SMALL)
    mapping = MapUser(0, 0, BusAddress(0), BUFFER, Direction.TO_DEVICE)
    assert run.impossible(mapping) is not None
    do(run, SetWindow(0, 0, 0))
    do(run, mapping)
    assert run.impossible(mapping) is not None
    assert run.impossible(ReleaseOwnership(0)) is not None
    assert run.impossible(replace(LARGE, number=0)) is not None


def test_what_is_left_in_page_0_of_the_bus_is_not_free_for_the_host() -> None:
    refused = (Fault("H_PUT_TCE", 0, int(HcallStatus.HARDWARE)),)
    lpar = replace(LPAR, multi_tce=MultiTce.NONE)
    run = driven(
        TakeOwnership(0), SMALL, SetWindow(0, 0, 0), MapUser(0, 0, BusAddress(0), BUFFER, Direction.BIDIRECTIONAL),
        Step(UnsetWindow(0, 0), refused), Step(ReleaseOwnership(0), refused), profile=POWERVM_SRIOV, lpar=lpar,
    )  # fmt: skip
    (table,) = (table for view in (run.guest.view(0),) if view is not None for table in view.tables)
    assert run.hypervisor.windows(run.pe(0))[0].table.valid()
    assert not table.allocated


def test_what_could_not_be_cleared_is_not_free_after_a_map_there_that_failed() -> None:
    refused = (Fault("H_PUT_TCE", 0, int(HcallStatus.HARDWARE)),)
    page = MapUser(0, 0, BusAddress(MIB), Span(PhysAddr(0), PhysAddr(1 << 16)), Direction.BIDIRECTIONAL)
    run = driven(TakeOwnership(0), SMALL, SetWindow(0, 0, 0), page, Step(UnmapUser(0), refused))
    assert do(run, Step(page, refused)) is None
    (table,) = (table for view in (run.guest.view(0),) if view is not None for table in view.tables)
    assert table.allocated == [Span(MIB >> 12, (MIB >> 12) + 1)]
