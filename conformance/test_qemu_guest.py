# SPDX-License-Identifier: GPL-2.0-or-later
"""The model's guest lives on a real QEMU, and is judged after every step by the TCEs that are read back."""

from dataclasses import replace
from random import Random

import pytest

from conformance.qemu.hypervisor import QemuHypervisor
from model.defects import apply, catalogue
from model.events import (
    AllocCoherent,
    Attach,
    Detach,
    Event,
    FreeCoherent,
    Map,
    Offline,
    Online,
    Reboot,
    SetMask,
    Step,
    Unmap,
)
from model.guest.kernel import Kernel
from model.profiles import Lpar
from model.run import InvariantBroken, Run
from model.types import GIB, KIB, MIB, Direction, DmaMask, PhysAddr, Span

BLOCKS = tuple(Span(PhysAddr(k * 256 * MIB), PhysAddr((k + 1) * 256 * MIB)) for k in range(8))
LPAR = Lpar(BLOCKS, tuple(range(6)), PhysAddr(2 * GIB), functions=(0, 1))
RAGGED = replace(LPAR, blocks=(Span(PhysAddr(0), PhysAddr(256 * MIB + 64 * KIB)),), online=(0,))
"""RAM that ends inside an I/O page."""
STEPS = 100
MASKS = (DmaMask((1 << 64) - 1), DmaMask((1 << 32) - 1), DmaMask((1 << 40) - 1))


def life(random: Random, run: Run) -> Event:
    """Anything that may come next."""
    device, mapped = random.randrange(2), list(run.ledger.mappings)
    start = random.randrange(BLOCKS[5].stop // (64 * KIB) - 8) * 64 * KIB + random.randrange(64 * KIB)
    memory = Span(PhysAddr(start), PhysAddr(start + random.randrange(1, 300 * KIB)))
    page = Span(PhysAddr(start & -(64 * KIB)), PhysAddr((start & -(64 * KIB)) + 64 * KIB))
    drawn: list[Event] = [
        SetMask(device, random.choice(MASKS)), Map(device, memory, random.choice(list(Direction)), random.randrange(4)),
        Map(device, memory, Direction.BIDIRECTIONAL, 0), AllocCoherent(device, page, DmaMask((1 << 32) - 1), 0),
        Online(random.randrange(8)), Offline(random.randrange(6, 8)), Detach(device), Attach(device), Reboot(),
    ]  # fmt: skip
    if mapped:
        drawn += [Unmap(random.choice(mapped)), Unmap(random.choice(mapped)), FreeCoherent(random.choice(mapped))]
    return random.choice(drawn)


def test_the_reference_guest_lives_on_qemu(hypervisor: QemuHypervisor) -> None:
    run = Run(hypervisor.profile(), LPAR, make_hypervisor=lambda *_: hypervisor)
    random, done, seen = Random(1), 0, set[str]()
    while done < STEPS:
        event = life(random, run)
        if run.impossible(event) is None:
            run.step(Step(event))
            done += 1
            seen.add(type(event).__name__)
    assert {"SetMask", "Map", "Unmap", "Online", "Offline", "Detach", "Attach", "Reboot"} <= seen
    assert all(
        run.counts[name] for name in ("ram-covered", "mapping-translates", "unmap-releases", "detach-leaves-nothing")
    )


def test_a_defect_of_the_guest_is_found_in_qemus_tables(hypervisor: QemuHypervisor) -> None:
    guest = apply(Kernel, [catalogue()["premap-rounds-down"]])
    run = Run(hypervisor.profile(), RAGGED, guest, lambda *_: hypervisor)
    with pytest.raises(InvariantBroken, match="ram-covered"):
        run.step(Step(SetMask(0, MASKS[0])))
