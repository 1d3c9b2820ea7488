# SPDX-License-Identifier: GPL-2.0-or-later
"""The same events on two guests, step by step: the first thing that differs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from conformance.scope import Bounded, OutOfScope
from model.calls import GetRun, GetTce, HcallAnswer, HcallStatus, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun
from model.interfaces import Crash, GuestDevice, GuestWindow
from model.ledger import Crossing, hcall_name
from model.profiles import Lpar
from model.run import Done, GuestMaker, InvariantBroken, Run
from model.trace import Trace


class Difference(NamedTuple):
    """Where two guests part: in step number `step`, from 0. what: in which respect; one, other: what each did."""

    step: int
    what: str
    one: object
    other: object


@dataclass(frozen=True, slots=True)
class Writes:
    """Calls of one kind over neighbouring TCEs that all ended the same way, however the guest wrote its loop.

    Entry k holds first + k * step at ioba + k * stride; stride None: a single call, whose I/O pages nobody named.
    """

    name: str
    liobn: int
    ioba: int
    first: int
    step: int
    stride: int | None
    entries: int
    per_call: int
    calls: int
    status: str


def writes(crossing: Crossing) -> Iterator[Writes]:
    """One crossing as groups of calls: the first that succeeded, the others that did, and the one that ended the loop.

    The first call stands alone, so that a loop goes on behind whatever came before in one way only: call by call.
    """
    call, answer = crossing.call, crossing.answer
    assert isinstance(answer, HcallAnswer)
    name, status = crossing.name, answer.status.name
    if isinstance(call, TceRun):
        done = call.prefix(answer.done) if answer.status is not HcallStatus.SUCCESS else call
        yield from _loop(name, done)
        if answer.status is not HcallStatus.SUCCESS:
            yield from _single(hcall_name(call), call.call(answer.done), status)
    else:
        yield from _single(name, call, status)


def _loop(name: str, done: TceRun) -> Iterator[Writes]:
    if not done.entries:
        return
    yield from _single(name, done.call(0), HcallStatus.SUCCESS.name)
    rest, first = done.entries - done.per_call, done.per_call
    if rest > 0:
        calls = len(done) - 1
        yield Writes(name, done.liobn, done.ioba + first * done.stride, done.first + first * done.step,
                     done.step if rest > 1 else 0, done.stride if calls > 1 else None, rest, min(done.per_call, rest), calls,
                     HcallStatus.SUCCESS.name)  # fmt: skip


def _single(name: str, call: Any, status: str) -> Iterator[Writes]:
    if isinstance(call, PutTceIndirect):
        step = call.tces[1] - call.tces[0] if call.count > 1 else 0
        yield Writes(
            name,
            call.liobn,
            call.ioba,
            call.tces[0] if call.count else 0,
            step,
            None,
            call.count,
            call.count,
            1,
            status,
        )
    elif isinstance(call, StuffTce):
        yield Writes(name, call.liobn, call.ioba, call.tce, 0, None, call.count, call.count, 1, status)
    elif isinstance(call, PutTce):
        yield Writes(name, call.liobn, call.ioba, call.tce, 0, None, 1, 1, 1, status)


def joined(one: Writes, other: Writes) -> Writes | None:
    """Both as one group, if `other` goes on where `one` ends."""
    alike = (one.name, one.liobn, one.status) == (other.name, other.liobn, other.status)
    if not alike or one.entries != one.calls * one.per_call or other.per_call > one.per_call or one.entries == 0:
        return None
    if other.calls > 1 and other.per_call != one.per_call:
        return None
    stride = one.stride or other.stride or (other.ioba - one.ioba) // one.entries
    step = one.step
    if one.entries == 1:
        step = other.first - one.first if other.name == "H_PUT_TCE" else other.step
    if stride <= 0 or other.ioba != one.ioba + one.entries * stride or other.first != one.first + one.entries * step:
        return None
    if (other.stride or stride) != stride or (other.entries > 1 and other.step != step):
        return None
    return Writes(one.name, one.liobn, one.ioba, one.first, step, stride, one.entries + other.entries, one.per_call,
                  one.calls + other.calls, one.status)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reads:
    """Calls that read TCEs of a window one after the other, however the guest wrote its loop.

    found: bus addresses of the first and last of neighbouring TCEs that are not 0; refused: of calls, with their status.
    """

    liobn: int
    start: int
    calls: int
    found: tuple[tuple[int, int], ...]
    refused: tuple[tuple[int, str], ...]


def reads(crossings: Sequence[Crossing]) -> Reads:
    """Crossings that read the same window, as one group."""
    stride = max(crossing.call.stride if isinstance(crossing.call, GetRun) else 0 for crossing in crossings)
    found: list[tuple[int, int]] = []
    refused: list[tuple[int, str]] = []
    calls = 0
    for crossing in crossings:
        call, answer = crossing.call, crossing.answer
        assert isinstance(call, GetTce | GetRun) and isinstance(answer, HcallAnswer)
        if isinstance(call, GetRun):
            done, ended = answer.done, answer.status is not HcallStatus.SUCCESS
            spans = [(call.ioba + span.start * stride, call.ioba + (span.stop - 1) * stride) for span in answer.found]
        else:
            ended = answer.status not in (HcallStatus.SUCCESS, HcallStatus.PARTIAL)
            done, spans = int(not ended), [(call.ioba, call.ioba)] if answer.tce and not ended else []
        for first, last in spans:
            if found and first == found[-1][1] + stride:
                first = found.pop()[0]  # noqa: PLW2901
            found.append((first, last))
        refused += [(call.ioba + done * stride, answer.status.name)] if ended else []
        calls += done + ended
    liobn, start = crossings[0].call.liobn, crossings[0].call.ioba  # type: ignore[union-attr]
    return Reads(liobn, start, calls, tuple(found), tuple(refused))


def _window_read(crossing: Crossing) -> int | None:
    return crossing.call.liobn if isinstance(crossing.call, GetTce | GetRun) else None


def story(crossings: Sequence[Crossing]) -> list[object]:
    """What crossed in a step, in order, in a form that does not depend on how loops were recorded."""
    told: list[object] = []
    for window, together in groupby(crossings, _window_read):
        if window is not None:
            told.append(reads(list(together)))
            continue
        for crossing in together:
            if isinstance(crossing.call, RtasCall):
                told.append((crossing.call, crossing.answer))
                continue
            for group in writes(crossing):
                last = told[-1] if told else None
                both = joined(last, group) if isinstance(last, Writes) else None
                if both is not None:
                    told[-1] = both
                else:
                    told.append(group)
    return told


def compare(trace: Trace, one: GuestMaker, other: GuestMaker) -> Difference | None:
    """As first_difference(), but None as well if a guest leaves the scope."""
    try:
        return first_difference(trace, one, other)
    except OutOfScope:
        return None


def first_difference(trace: Trace, one: GuestMaker, other: GuestMaker) -> Difference | None:
    """The first difference between two guests on a trace; None if there is none to its end.

    Violations do not end the comparison: what is compared is what the guests do, right or wrong. A crash of both ends it.
    """
    runs: list[Run] = []
    try:
        for maker in (one, other):
            runs.append(Run(trace.profile, trace.lpar, maker, Bounded))
        left, right = runs
        for number, step in enumerate(trace.steps):
            impossible = left.impossible(step.event)
            if impossible is not None:
                continue
            crashed = [_step(run, step) for run in runs]
            difference = _first(number, left.history[-1], right.history[-1]) or _crash(number, *crashed)
            if difference is None and not any(crashed):
                difference = _views(number, left, right, trace.lpar)
            if difference is not None or any(crashed):
                return difference
    except Crash as crash:
        return Difference(-1, "crash at boot", str(crash) if not runs else "", str(crash) if runs else "")
    return None


def _step(run: Run, step: Any) -> str | None:
    """Carry out a step; what crashed the guest, if anything did."""
    try:
        run.step(step)
    except InvariantBroken as broken:
        first = broken.violations[0]
        return first.message.splitlines()[0] if first.invariant == "guest-crash" else None
    return None


def _first(number: int, one: Done, other: Done) -> Difference | None:
    left, right = story(one.crossings), story(other.crossings)
    for at in range(max(len(left), len(right))):
        mine = left[at] if at < len(left) else None
        theirs = right[at] if at < len(right) else None
        if mine != theirs:
            return Difference(number, f"call {at + 1}", mine, theirs)
    if one.answer != other.answer:
        return Difference(number, "answer", one.answer, other.answer)
    return None


def _crash(number: int, one: str | None, other: str | None) -> Difference | None:
    return Difference(number, "crash", one, other) if bool(one) != bool(other) else None


def _views(number: int, left: Run, right: Run, lpar: Lpar) -> Difference | None:
    """What the guests hold for each device, table by table."""
    for device in range(lpar.devices):
        one, other = left.guest.view(device), right.guest.view(device)
        if one is None or other is None:
            if one is not other:
                return Difference(number, f"device {device}", one, other)
            continue
        for name in GuestDevice._fields:
            mine, theirs = _plain(getattr(one, name)), _plain(getattr(other, name))
            if mine != theirs:
                return Difference(number, name, mine, theirs)
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and hasattr(value[0], "allocated"):
        return sorted((t.liobn, tuple(t.span), tuple(map(tuple, t.allocated or ()))) for t in value)
    if isinstance(value, GuestWindow):
        # The C does not keep where the direct part ends, but where the table of the dynamic part begins.
        split = value.dynamic.size > 0
        return value.liobn, value.direct.start, None if split else value.direct.stop, value.dynamic.stop
    return value
