# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of enable, for any guest: which there are, and a whole life after each."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import product

from model.calls import TceRun
from model.events import Attach, Detach, Event, Fault, Map, Offline, Online, SetMask, Step, Unmap
from model.hypervisor.papr import Papr
from model.profiles import PROFILES, Lpar, Profile, simple_lpar
from model.run import GuestMaker, InvariantBroken, Run
from model.trace import Trace
from model.types import GIB, Direction, DmaMask, PhysAddr, Span
from properties.strategies import ALLOCATIONS, HCALL_ANSWERS, RTAS_ANSWERS, USER_VIEW, WRITES

LPARS = {"RAM only": simple_lpar(8 * GIB), "RAM and vPMEM": simple_lpar(8 * GIB, vpmem=GIB)}
MASKS = {"64 bits": DmaMask((1 << 64) - 1), "48 bits": DmaMask((1 << 48) - 1)}
CASES = list(product(PROFILES.values(), LPARS, MASKS))
"""Every platform, with and without vPMEM, with a mask of 64 bits and one below."""

CLEAN_UP = (
    ("reset", 0), ("remove", 0), ("remove", 1), ("H_STUFF_TCE", 0), ("H_STUFF_TCE", 1), ("H_STUFF_TCE", 2),
    ("allocate failed-entry", 0),
)  # fmt: skip
"""What may come up only once something else has failed, and how many calls of its kind pass before."""


def case_name(case: object) -> str:
    """A readable test id."""
    return case.name if isinstance(case, Profile) else str(case)


def answers(point: str) -> Iterator[int]:
    """What a call may answer when it fails."""
    if point in (*ALLOCATIONS, USER_VIEW):
        return iter((0,))
    return (int(status) for status in RTAS_ANSWERS.get(point) or HCALL_ANSWERS)


def failures(
    profile: Profile, lpar: Lpar, mask: DmaMask, guest: GuestMaker, hypervisor: type[Papr] = Papr
) -> list[Fault]:
    """Every fault that can hit while the guest sets a mask, each with every answer.

    The points are those that come up where nothing fails, and the clean-up's; of a loop of hypercalls the first two calls
    and the last.
    """
    points = points_of(Run(profile, lpar, guest, hypervisor), SetMask(0, mask))
    points |= dict.fromkeys(CLEAN_UP)
    return [Fault(point, skip, answer) for point, skip in points for answer in answers(point)]


def points_of(run: Run, event: Event) -> dict[tuple[str, int], None]:
    """Where an event, which is carried out, can be made to fail: the point, and how many calls of its kind pass before."""
    before = Counter(run.reached)
    with suppress(InvariantBroken):  # right or wrong, its calls are what is asked for
        run.step(Step(event))
    made: Counter[str] = Counter()
    points: dict[tuple[str, int], None] = {}
    for crossing in run.history[-1].crossings:
        if crossing.name in (*RTAS_ANSWERS, *WRITES):
            calls = len(crossing.call) if isinstance(crossing.call, TceRun) else 1
            points |= dict.fromkeys(
                (crossing.name, made[crossing.name] + call) for call in {0, min(1, calls - 1), calls - 1}
            )
            made[crossing.name] += calls
    for what in (*ALLOCATIONS, USER_VIEW):
        points |= dict.fromkeys((what, skip) for skip in range((run.reached - before)[f"{what}: succeeds"]))
    return points


def hit(run: Run, fault: Fault) -> bool:
    """Whether a fault of the first step came up there."""
    if fault.point in ALLOCATIONS:
        return run.reached[f"{fault.point}: fails"] > 0
    return any(crossing.injected and crossing.name == fault.point for crossing in run.history[0].crossings)


def one_answer_each(faults: list[Fault]) -> list[Fault]:
    """Of each point only one answer."""
    return list({(fault.point, fault.skip): fault for fault in faults}.values())


def life(profile: Profile, lpar: Lpar, mask: DmaMask, faults: tuple[Fault, ...]) -> Trace:
    """The mask is set with the faults, then driver and platform go on, whether or not a window opened.

    An event that cannot happen, such as the unmap of a map that failed, is to be passed over.
    """
    maps = [
        Map(0, Span(PhysAddr(k * 0x11000), PhysAddr(k * 0x11000 + 9000)), Direction.BIDIRECTIONAL) for k in range(3)
    ]
    for memory in lpar.vpmem:
        span = Span(PhysAddr(memory.start + 100), PhysAddr(memory.start + 200_000))
        maps.append(Map(0, span, Direction.TO_DEVICE))
    unmaps = [Unmap(number) for number in range(len(maps))]
    rest: list[Event] = [
        *maps,
        Online(1),
        Offline(1),
        *unmaps,
        SetMask(0, mask),
        Detach(0),
        Attach(0),
        SetMask(0, mask),
    ]
    return Trace(profile, lpar, (Step(SetMask(0, mask), faults), *map(Step, rest)))


def refused_endings(profile: Profile, lpar: Lpar, mask: DmaMask) -> Iterator[Trace]:
    """A buffer of many pages whose clearing is refused at its first call, with every answer, with a window and without."""
    buffer = Map(0, Span(PhysAddr(1 << 20), PhysAddr(4 << 20)), Direction.BIDIRECTIONAL)
    for opened, point in product(((), (Step(SetMask(0, mask)),)), ("H_STUFF_TCE", "H_PUT_TCE")):
        for answer in answers(point):
            yield Trace(profile, lpar, (*opened, Step(buffer), Step(Unmap(0), (Fault(point, 0, answer),))))
