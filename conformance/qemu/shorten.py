# SPDX-License-Identifier: GPL-2.0-or-later
"""The shortest list of calls that still shows a difference, each try on a fresh machine."""

from collections.abc import Sequence
from pathlib import Path

from conformance.qemu.calls import Made, Unlawful, batches
from conformance.qemu.differ import Difference, Pair, Tally
from conformance.qemu.machine import Machine, Stopped

MOST_TRIES = 200
"""A machine takes some 0.15 s to start."""


def replay(cache: Path, calls: Sequence[Made]) -> Difference | None:
    """The first difference that a list of calls shows on a fresh machine, the tables looked at once at the end."""
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
    """Leave out runs of calls, long ones first, as long as what is left differs; as it is if it does not show again."""
    again = replay(cache, found.calls)
    if again is None:
        return found
    found, size, tries = again, len(again.calls), 0
    while size and tries < MOST_TRIES:
        size = min(size, len(found.calls)) // 2
        at = 0
        while size and at < len(found.calls) and tries < MOST_TRIES:
            tries += 1
            fewer = replay(cache, found.calls[:at] + found.calls[at + size :])
            if fewer is not None and len(fewer.calls) < len(found.calls):
                found = fewer
            else:
                at += size
    return found
