# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of enable, one at a time with every answer and in pairs, on every platform; then a whole life."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import pytest

from model.events import Attach, Detach, Event, Fault, Map, Offline, Online, SetMask, Step, Unmap
from model.profiles import PROFILES, Profile, simple_lpar
from model.run import Run
from model.types import GIB, Direction, DmaMask, PhysAddr, Span
from properties.strategies import ALLOCATIONS, HCALL_ANSWERS, RTAS_ANSWERS, WRITES

LPARS = {"RAM only": simple_lpar(8 * GIB), "RAM and vPMEM": simple_lpar(8 * GIB, vpmem=GIB)}
MASKS = {"64 bits": DmaMask((1 << 64) - 1), "48 bits": DmaMask((1 << 48) - 1)}


@dataclass
class Points:
    """How often each failure point comes up while a mask is set without any fault."""

    seen: Counter[str] = field(default_factory=Counter)

    def of(self, run: Run, mask: DmaMask) -> list[Fault]:
        """Every fault that can hit, each with one answer."""
        before = Counter(run.reached)
        run.step(Step(SetMask(0, mask)))
        for name, count in (run.reached - before).items():
            point = name.split(":")[0]
            if point in (*ALLOCATIONS, *RTAS_ANSWERS, *WRITES):
                self.seen[point] += count
        # Clean-up calls come up only once something else has failed.
        self.seen |= Counter({"reset": 1, "remove": 2, "H_STUFF_TCE": 3, "allocate failed-entry": 1})
        return [Fault(point, skip, answer) for point, count in self.seen.items() for skip in range(count)
                for answer in answers(point)]  # fmt: skip


def answers(point: str) -> Iterator[int]:
    """What a call may answer when it fails."""
    if point in ALLOCATIONS:
        return iter((0,))
    return (int(status) for status in RTAS_ANSWERS.get(point) or HCALL_ANSWERS)


def rest_of_life(run: Run, mask: DmaMask) -> Iterator[Event]:
    """What a driver and a platform do after a mask was set, whether or not a window opened."""
    yield from (
        Map(0, Span(PhysAddr(k * 0x11000), PhysAddr(k * 0x11000 + 9000)), Direction.BIDIRECTIONAL) for k in range(3)
    )
    if run.ledger.vpmem:
        start = run.ledger.vpmem[0].start
        yield Map(0, Span(PhysAddr(start + 100), PhysAddr(start + 200_000)), Direction.TO_DEVICE)
    yield Online(1)
    yield Offline(1)
    yield from [Unmap(number) for number in list(run.ledger.mappings)]
    yield SetMask(0, mask)
    yield Detach(0)
    yield Attach(0)
    yield SetMask(0, mask)


def live(run: Run, mask: DmaMask, faults: tuple[Fault, ...]) -> None:
    """Set the mask with the faults and live on; every step is judged."""
    run.step(Step(SetMask(0, mask), faults))
    for event in rest_of_life(run, mask):
        run.step(Step(event))


CASES = list(product(PROFILES.values(), LPARS, MASKS))


def name(case: object) -> str:
    """A readable test id."""
    return case.name if isinstance(case, Profile) else str(case)


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=name)
def test_every_failure_of_enable_leaves_the_device_usable(profile: Profile, lpar: str, mask: str) -> None:
    faults = Points().of(Run(profile, LPARS[lpar]), MASKS[mask])
    assert len(faults) > 5
    for fault in faults:
        live(Run(profile, LPARS[lpar]), MASKS[mask], (fault,))


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=name)
def test_so_does_every_pair_of_failures(profile: Profile, lpar: str, mask: str) -> None:
    faults = Points().of(Run(profile, LPARS[lpar]), MASKS[mask])
    first = list({(f.point, f.skip): f for f in faults}.values())
    for pair in product(first, first):
        live(Run(profile, LPARS[lpar]), MASKS[mask], pair)
