# SPDX-License-Identifier: GPL-2.0-or-later
"""A real QEMU: started, driven through its mailbox, and always ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.qemu.calls import answer_all, loop
from conformance.qemu.machine import Machine, Stopped
from conformance.qemu.mailbox import Mailbox
from conformance.qemu.tree import Bridge, Tree, pe_of_bridge
from ddwcheck.sources import cache_folder
from model.calls import GetTce, HcallAnswer, HcallStatus, PutTce, PutTceIndirect, RtasCall, RtasStatus, TceRun
from model.types import GIB, BusAddress, Liobn, Span, Tce

CACHE = cache_folder(None) / "qemu"
DMA64 = BusAddress(1 << 59)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine(CACHE) as running:
        yield running


@pytest.fixture
def mailbox(machine: Machine) -> Mailbox:
    return Mailbox(machine)


@pytest.fixture
def bridge(mailbox: Mailbox) -> Bridge:
    return Tree(mailbox.tree).bridge(1)


def create(bridge: Bridge, page: int, window: int) -> RtasCall:
    assert bridge.properties.applicable is not None
    return RtasCall(bridge.properties.applicable[1], (*bridge.properties.pe.cells, page, window), 4)


def test_the_device_tree_describes_the_default_window(bridge: Bridge) -> None:
    assert bridge.properties.pe == pe_of_bridge(1)
    assert bridge.properties.default == (0x80000100, Span(BusAddress(0), BusAddress(GIB)))
    assert bridge.properties.extensions == (2, 0x2029, 1)


def test_rtas_and_hypercalls_go_in_one_order(mailbox: Mailbox, bridge: Bridge) -> None:
    liobn = Liobn(0x80000101)
    read = GetTce(liobn, DMA64)
    answers = answer_all(mailbox, [read, create(bridge, 16, 30), PutTce(liobn, DMA64, Tce(0x10003)), read])
    statuses = [answer.status for answer in answers]
    assert statuses == [HcallStatus.PARAMETER, RtasStatus.SUCCESS, HcallStatus.SUCCESS, HcallStatus.SUCCESS]
    assert answers[-1] == HcallAnswer(HcallStatus.SUCCESS, Tce(0x10003))


def test_a_loop_ends_at_the_first_call_that_fails(mailbox: Mailbox, bridge: Bridge) -> None:
    liobn, entries = Liobn(0x80000101), 1 << 11
    answer_all(mailbox, [create(bridge, 16, 27)])
    run = TceRun(PutTceIndirect, liobn, DMA64, Tce(3), 1 << 16, 1 << 16, entries + 1024, 512)
    assert loop(mailbox, run) == HcallAnswer(HcallStatus.PARAMETER, done=entries // 512)
    last = BusAddress(DMA64 + (entries - 1 << 16))
    assert answer_all(mailbox, [GetTce(liobn, last)]) == [HcallAnswer(HcallStatus.SUCCESS, Tce(entries - 1 << 16 | 3))]


def test_q1_a_create_that_is_refused_for_its_size_makes_the_next_one_abort_qemu(
    mailbox: Mailbox, bridge: Bridge
) -> None:
    assert answer_all(mailbox, [create(bridge, 12, 44)])[0].status is RtasStatus.HARDWARE
    with pytest.raises(Stopped, match="memory_region_add_subregion"):
        answer_all(mailbox, [create(bridge, 12, 20)])


def test_q2_two_windows_of_a_pe_get_the_same_bus_addresses(mailbox: Mailbox, bridge: Bridge) -> None:
    assert bridge.properties.applicable is not None and bridge.properties.default is not None
    remove = RtasCall(bridge.properties.applicable[2], (bridge.properties.default.liobn,), 1)
    one, _, other = answer_all(mailbox, [create(bridge, 16, 30), remove, create(bridge, 12, 24)])
    assert isinstance(one.status, RtasStatus) and one.status is other.status is RtasStatus.SUCCESS
    both = [answer_all(mailbox, [GetTce(Liobn(liobn), DMA64)])[0].status for liobn in (0x80000100, 0x80000101)]
    assert both == [HcallStatus.SUCCESS, HcallStatus.SUCCESS]


def test_a_machine_that_was_killed_is_said_to_have_ended(machine: Machine, mailbox: Mailbox) -> None:
    os.kill(machine.process.pid, signal.SIGKILL)
    with pytest.raises(Stopped, match="signal 9"):
        answer_all(mailbox, [GetTce(Liobn(1), BusAddress(0))])


def test_no_machine_outlives_the_process_that_started_it() -> None:
    script = (
        "import sys, time; from pathlib import Path; from conformance.qemu.machine import Machine; "
        "print(Machine(Path(sys.argv[1])).process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, CACHE], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        process = Path("/proc") / starter.stdout.readline().strip()
        assert process.exists()
        starter.kill()
    deadline = time.monotonic() + 60
    while process.exists() and "\nState:\tZ" not in (process / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
