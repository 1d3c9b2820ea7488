# SPDX-License-Identifier: GPL-2.0-or-later
"""The shortest and plainest calls that still show a difference, each try on a fresh machine."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from conformance.qemu import dma
from conformance.qemu.calls import Made, Unlawful, batches
from conformance.qemu.differ import Access, Difference, Pair, Tally
from conformance.qemu.machine import Machine, Stopped
from conformance.qemu.plainer import plainer, weight

MOST_TRIES, MOST_SECONDS = 300, 50.0
"""A machine takes some 0.15 s to start."""

Replay = Callable[[Sequence[Made], Sequence[Access]], Difference | None]
"""What calls, and accesses of a device after them, show on a fresh machine."""


def replay(cache: Path, calls: Sequence[Made], accesses: Sequence[Access] = ()) -> Difference | None:
    """The first difference that a list of calls shows on a fresh machine, the tables looked at once at the end; or that
    accesses of a device show.
    """
    if accesses:
        return dma.replay(cache, calls, accesses)
    with Machine(cache) as machine:
        pair = Pair(machine)
        done: list[Made] = []
        for batch in batches(calls):
            wanted = [pair.say(call) for call in batch]
            try:
                said, ended = pair.ask(batch)
            except Unlawful as unlawful:
                return Difference((*done, *batch), "an answer that LoPAR knows", str(unlawful))
            for number, (call, wish) in enumerate(zip(batch, wanted, strict=True)):
                done.append(call)
                got = said[number] if number < len(said) else None
                if wish != got:
                    return Difference(tuple(done), str(wish or "QEMU aborts"), str(got or ended))
                if wish is None:
                    return None
        try:
            wrong = pair.wrong_table(Tally())
        except Stopped as stopped:
            wrong = "tables that can be read", str(stopped)
        return Difference(tuple(done), *wrong) if wrong else None


def shorten(cache: Path, found: Difference) -> Difference:
    """One access, fewest calls, then the plainest operands; as it is if it does not show again."""
    patient = bounded(lambda calls, accesses: replay(cache, calls, accesses))
    alone = found.accesses if len(found.accesses) > 1 else ()
    one = (again for access in alone if (again := patient(found.calls, (access,))))
    return smallest(next(one, found), patient)


def bounded(again: Replay) -> Replay:
    """`again`, which shows nothing once it was asked so often, or for so long."""
    tries, end, shows = 0, monotonic() + MOST_SECONDS, unstopped(again)

    def patient(calls: Sequence[Made], accesses: Sequence[Access]) -> Difference | None:
        nonlocal tries
        tries += 1
        return shows(calls, accesses) if tries <= MOST_TRIES and monotonic() < end else None

    return patient


def unstopped(again: Replay) -> Replay:
    """`again`, to which calls that stop the machine, such as those that take from a device what it needs, show nothing."""

    def shows(calls: Sequence[Made], accesses: Sequence[Access]) -> Difference | None:
        try:
            return again(calls, accesses)
        except Stopped:
            return None

    return shows


def smallest(found: Difference, again: Replay) -> Difference:
    """The same difference of the least weight; `again` may show nothing any more, when the user has waited enough."""
    first = again(found.calls, found.accesses)
    if first is None:
        return found
    return _plainest(_fewest(first, again), again)


def _fewest(found: Difference, again: Replay) -> Difference:
    """Leave out runs of calls, long ones first, as long as what is left differs in the same kind of call."""
    size = len(found.calls) // 2
    while size:
        at = 0
        while at < len(found.calls):
            fewer = again(found.calls[:at] + found.calls[at + size :], found.accesses)
            if fewer is not None and found.like(fewer) and len(fewer.calls) < len(found.calls):
                found = fewer
            else:
                at += size
        size = min(size, len(found.calls)) // 2
    return found


def _plainest(found: Difference, again: Replay) -> Difference:
    """Take the first plainer operand that differs all the same, until there is none."""
    plain: Difference | None = found
    while plain is not None:
        found, plain = plain, None
        for calls in plainer(found.calls):
            other = again(calls, found.accesses) if weight(calls) < weight(found.calls) else None
            if other is not None and found.like(other):
                plain = other
                break
    return found
