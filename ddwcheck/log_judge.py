# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge a log: keep the cases under which the model's kernel does exactly what the log shows, and see what is left."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from ddwcheck import Verdict, log_rules, sizes
from ddwcheck.log_cases import cases, sizes_known
from ddwcheck.log_devices import Attempt, Device, Devices
from ddwcheck.log_lines import (
    DEFAULT_REMOVED,
    IN_USE,
    NO_PAGE_SIZE,
    NO_WINDOW,
    NOT_LIMITED,
    PREMAP_FAILED,
    VPMEM,
    CannotMap,
    Create,
    Limit,
    Note,
    Query,
    Summary,
)
from ddwcheck.log_rules import Broken
from ddwcheck.log_script import Case, Result, run
from model.defects import REFERENCE, RELEASES, apply, limit_whenever_direct, of_release
from model.guest.enable import Outcome
from model.guest.kernel import Kernel

MAX_PHYSMEM_BITS = 51
"""log2 of all memory there may ever be. Linux: MAX_PHYSMEM_BITS; below it vPMEM is announced as skipped."""

OPENED = (Outcome.DIRECT, Outcome.DYNAMIC, Outcome.SPLIT)
SAYS = {
    IN_USE: (Outcome.IN_USE,),
    NO_PAGE_SIZE: (Outcome.NO_PAGE_SIZE,),
    NO_WINDOW: (Outcome.NO_WINDOW,),
    NOT_LIMITED: (Outcome.LIMITED_NOT_OFFERED,),
    PREMAP_FAILED: (Outcome.PREMAP_FAILED,),
    DEFAULT_REMOVED: OPENED,
}
"""How enable must have ended for the kernel to write this line."""


class Possible(NamedTuple):
    """One case and what the kernel did in it."""

    case: Case
    result: Result


class Demand(NamedTuple):
    """What a line says must have happened; `message` says what is wrong if it cannot have."""

    line: int
    met: Callable[[Possible], bool]
    message: str


@dataclass(slots=True)
class Reading:
    """What is made of one try: which rules it fits, what was possible under the first of them, what is wrong.

    others: what was possible under the later rules. needs: the defects any one of which explains it, where the
    reference does not. refused_by_reference: what the reference would not have done then.
    """

    attempt: Attempt
    verdict: Verdict
    rules: list[str] = field(default_factory=list)
    possible: list[Possible] = field(default_factory=list)
    others: dict[str, list[Possible]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    refused_by_reference: Broken | None = None


@cache
def kernels() -> dict[str, type[Kernel]]:
    """The rules to try: the reference, then each release."""
    return {release: apply(Kernel, of_release(release)) for release in (REFERENCE, *RELEASES)}


def judge(found: Devices) -> list[tuple[Device, list[Reading]]]:
    """Every try of every device."""
    readings = [(device, [_read(attempt) for attempt in device.attempts]) for device in found.devices]
    for device, own in readings:
        for reading in own:
            _share(reading, device, readings)
    return readings


def _read(attempt: Attempt) -> Reading:
    broken = [b for line in attempt.lines for rule in (log_rules.status, log_rules.address) for b in rule(line)]
    broken += log_rules.neighbours(attempt)
    if broken:
        return Reading(attempt, Verdict.VIOLATED, broken=broken)
    if not sizes_known(attempt):
        note = "neither page size nor window is in the log: there is no decision to replay"
        return Reading(attempt, Verdict.INCONCLUSIVE, notes=[note])
    return _replay(attempt)


def _replay(attempt: Attempt) -> Reading:
    """Try the reference, then the releases."""
    demands, reading = list(_demands(attempt)), Reading(attempt, Verdict.HOLDS)
    failures: dict[str, Broken] = {}
    for name, side in kernels().items():
        possible, failure = _filter(side, attempt, demands)
        if failure is not None:
            failures[name] = failure
            continue
        reading.rules.append(name)
        if reading.possible:
            reading.others[name] = possible
        else:
            reading.possible = possible
    if not reading.rules:
        reading.verdict, reading.broken = Verdict.VIOLATED, [failures[REFERENCE]]
        return reading
    if REFERENCE in failures:
        reading.refused_by_reference = failures[REFERENCE]
        reading.needs = [
            defect.id for defect in of_release(reading.rules[0])
            if _filter(apply(Kernel, [defect]), attempt, demands)[1] is None
        ]  # fmt: skip
    _question(reading)
    return reading


def _filter(side: type[Kernel], attempt: Attempt, demands: Iterable[Demand]) -> tuple[list[Possible], Broken | None]:
    """The cases that meet every demand, or the first demand that none of the rest meets."""
    left = [p for p in (Possible(case, run(side, case)) for case in cases(attempt)) if _is_open(p, attempt, side)]
    for demand in demands:
        kept = [possible for possible in left if demand.met(possible)]
        if not kept:
            return left, Broken(demand.line, demand.message + _instead(left, demand))
        left = kept
    return left, None


def _is_open(possible: Possible, attempt: Attempt, side: type[Kernel]) -> bool:
    """Whether the log leaves the case open.

    vPMEM that is not announced as skipped fits the window. A limit is for vPMEM, but for rules that limit whenever direct.
    """
    limited, limits_always = bool(attempt.all(Limit)), side.limit_direct is limit_whenever_direct.DEFECT.by
    if possible.result.crash is not None or (limited and not possible.case.vpmem and not limits_always):
        return False
    announced = attempt.vpmem or limited or attempt.one(Create) is None
    return announced or not possible.case.vpmem or possible.result.largest >= MAX_PHYSMEM_BITS


def _demands(attempt: Attempt) -> Iterator[Demand]:
    """What each line says, in the order of enable_ddw()."""
    create, unfit, limit = attempt.one(Create), attempt.one(CannotMap), attempt.one(Limit)
    summaries = attempt.all(Summary)
    if create is not None:
        wanted = (create.page_shift, create.window_shift)
        text = f"a create of {_window(wanted)} that enable_ddw() would not ask for, whatever the size of RAM"
        yield Demand(attempt.where(create), lambda p: p.result.asked == wanted and p.result.outcome is not None, text)
    if unfit is not None:
        number, shift = attempt.where(unfit), unfit.ram.bit_length() - 1
        yield Demand(number, lambda p: p.result.ram == shift, f"a RAM maximum of {unfit.ram:#x} contradicts the rest")
        yield Demand(number, lambda p: p.result.largest < shift, f"RAM of {unfit.ram:#x} does fit the largest window")
    for line in attempt.lines:
        if isinstance(line.fact, Note) and line.fact.what in SAYS:
            yield _said(line.number, line.fact.what)
    if summaries:
        yield from _summed_up(attempt, summaries)
    if limit is not None and create is not None:
        number, base = attempt.where(limit), create.base
        text = f"direct DMA is limited by {limit.address:#x}"
        yield Demand(number, lambda p: all(p.result.direct) and bool(p.result.direct), f"{text}, but nothing is direct")
        text += f", which is not the window's address {base:#x} plus the RAM maximum"
        yield Demand(number, lambda p: limit.address == base + (1 << p.result.ram), text)


def _said(number: int, what: str) -> Demand:
    outcomes = SAYS[what]
    return Demand(number, lambda p: p.result.outcome in outcomes, f"the log says that {what}, which cannot be here")


def _summed_up(attempt: Attempt, summaries: Sequence[Summary]) -> Iterator[Demand]:
    """The lines "direct mapping": as often as they stand there, and 0 where enable stopped before a create."""
    if attempt.one(Create) is None and not _is_refusal_logged(attempt):
        return
    said = tuple(summary.direct for summary in summaries)
    text = "direct mapping: " + ", ".join(str(int(direct)) for direct in said) + " contradicts the decision"
    yield Demand(attempt.where(summaries[0]), lambda p: p.result.direct == said, text)


def _is_refusal_logged(attempt: Attempt) -> bool:
    return any(attempt.notes(what) for what in (IN_USE, NO_PAGE_SIZE, NO_WINDOW, NOT_LIMITED))


def _question(reading: Reading) -> None:
    """Leave open what the log does not show: a decision that asks for a window, and an end without one."""
    attempt = reading.attempt
    create, query = attempt.one(Create), attempt.one(Query)
    if create is not None and create.window_shift == MAX_PHYSMEM_BITS:
        reading.notes.append("2^51 is MAX_PHYSMEM_BITS, which Linux takes for all memory where there is vPMEM")
    unfit = attempt.one(CannotMap)
    if unfit is not None and unfit.ram == 1 << MAX_PHYSMEM_BITS and attempt.notes(VPMEM):
        note = "Linux 5.5 to 5.15 took 2^51, MAX_PHYSMEM_BITS, for the RAM maximum where there is vPMEM"
        reading.notes.append(note)
    if create is not None or not attempt.all(Summary) or _is_refusal_logged(attempt):
        return
    if query is None or query.status == 0:
        direct = any(summary.direct for summary in attempt.all(Summary))
        if direct or all(p.result.asked is not None for p in reading.possible):
            reading.verdict = Verdict.INCONCLUSIVE
            reading.notes.append("enable_ddw() ended, but the log shows no create: lines are missing, or a step failed")


def _share(reading: Reading, device: Device, readings: list[tuple[Device, list[Reading]]]) -> None:
    """A try without query and create found a window that another function of its PHB was given."""
    attempt = reading.attempt
    if reading.verdict is not Verdict.INCONCLUSIVE or attempt.one(Query) or attempt.one(Create):
        return
    summary, domain = attempt.one(Summary), device.pci.split(":")[0]
    if summary is None:
        return
    for other, theirs in readings:
        agrees = any(s.direct == summary.direct for r in theirs for s in r.attempt.all(Summary) if r.possible)
        if other is not device and other.pci.split(":")[0] == domain and agrees:
            reading.verdict, reading.notes = Verdict.HOLDS, [f"as decided for {other.pci} below the same PHB"]
            return


def _instead(left: Sequence[Possible], demand: Demand) -> str:
    """What the decision leads to instead, as far as one line holds it."""
    if "would not ask for" not in demand.message:
        return ""
    wanted = {p.result.asked for p in left if p.result.asked is not None}
    if not wanted:
        outcomes = sorted({p.result.outcome.value for p in left if p.result.outcome is not None})
        return f": {', '.join(outcomes) or 'it asks again first'}"
    pages = sorted({sizes.page(page) for page, _ in wanted})
    shifts = sorted({window for _, window in wanted})
    span = f"2^{shifts[0]}" + (f" to 2^{shifts[-1]}" if len(shifts) > 1 else "")
    return f"; it asks for {' or '.join(pages)} pages, {span}"


def _window(wanted: tuple[int, int]) -> str:
    return f"{sizes.page(wanted[0])} pages, 2^{wanted[1]}"
