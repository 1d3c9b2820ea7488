# SPDX-License-Identifier: GPL-2.0-or-later
"""A device on a real QEMU reads and writes what the model's `translate` says, and the comparison sees what is wrong."""

import pytest

from conformance.qemu.dma import Tally, compare
from conformance.qemu.expected import DEVIATIONS
from ddwcheck.sources import cache_folder
from model.hypervisor.papr import Papr
from model.interfaces import Reach
from model.types import CONTROL, BusAddress, Pe, PhysAddr

CACHE = cache_folder(None) / "qemu"
ACCESSES = 10_000


def test_a_device_reaches_what_the_model_says() -> None:
    tally = Tally()
    assert compare(CACHE, ACCESSES, 0, tally=tally) is None
    assert tally.accesses >= ACCESSES
    assert all(tally.seen[f"{what} {how}"] > 1000 for what in ("read", "write") for how in ("granted", "refused"))


class WhoeverMayReadMayWrite(Papr):
    """Wrong: the control bits of a TCE are not told apart."""

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        reach = super().translate(pe, address)
        return reach and reach._replace(control=CONTROL)


class EveryPageIsThere(Papr):
    """Wrong: what no TCE maps goes to the memory of the same address."""

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        return super().translate(pe, address) or Reach(PhysAddr(address), CONTROL)


class PagesBeginLater(Papr):
    """Wrong: an access that crosses a border stays in the first page for a byte more."""

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        return super().translate(pe, BusAddress(address - (address % 4096 == 0)))


@pytest.mark.parametrize("wrong", [WhoeverMayReadMayWrite, EveryPageIsThere, PagesBeginLater])
def test_a_wrong_translation_is_found(wrong: type[Papr], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.qemu.expected.DEVIATIONS", (wrong, *DEVIATIONS))
    found = compare(CACHE, 4000, 0)
    assert found is not None and ("read" in found.expected or "write" in found.expected)
