# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of RAM that firmware keeps from the kernel."""

from dataclasses import replace

from ddwcheck.report import span
from model.events import Kdump, Map, Offline, Online, Reboot, SetMask, Step
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.run import Run
from model.types import GIB, MIB, Direction, DmaMask, PhysAddr, Span

ALL = DmaMask((1 << 64) - 1)
PAGE = 1 << 16


def at(start: int, stop: int) -> Span[PhysAddr]:
    return Span(PhysAddr(start), PhysAddr(stop))


KEPT = (at(0, 5 * PAGE), at(16 * MIB + PAGE, 22 * MIB))
LPAR = replace(simple_lpar(8 * GIB), reserved=KEPT)


def test_the_kernel_finds_the_ram_between_them() -> None:
    assert LPAR.ram_at_boot == [at(5 * PAGE, 16 * MIB + PAGE), at(22 * MIB, 4 * GIB)]
    whole = replace(LPAR, reserved=(LPAR.blocks[0],))
    assert whole.ram_at_boot == []


def test_a_window_maps_the_io_pages_that_ram_shares_with_them_and_no_other() -> None:
    run = Run(POWERVM_DEDICATED, LPAR)
    run.step(Step(SetMask(0, ALL)))
    window = run.hypervisor.windows(run.pe(0))[-1]
    assert window.page_shift == 21
    mapped = window.table.spans(0, 2048)
    assert [(part.start, part.stop) for part in mapped] == [(0, 9), (11, 2048)]


def test_nobody_maps_them_and_their_block_stays() -> None:
    run = Run(POWERVM_DEDICATED, LPAR)
    assert run.impossible(Map(0, at(4 * PAGE, 6 * PAGE), Direction.TO_DEVICE)) is not None
    assert run.impossible(Map(0, at(5 * PAGE, 6 * PAGE), Direction.TO_DEVICE)) is None
    assert run.impossible(Offline(0)) is not None and run.impossible(Online(0)) is not None
    assert run.impossible(Online(1)) is None


def test_they_are_what_they_were_after_a_crash() -> None:
    run = Run(POWERVM_DEDICATED, LPAR)
    assert run.impossible(Kdump(at(16 * MIB, 32 * MIB))) is not None
    for event in (Kdump(at(32 * MIB, 64 * MIB)), Reboot()):
        run.step(Step(event))
    assert run.ledger.online == LPAR.ram_at_boot


def test_a_report_says_of_an_empty_range_where_it_is() -> None:
    assert span(at(PAGE, PAGE)) == "0x10000 (empty)"
