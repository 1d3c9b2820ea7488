# SPDX-License-Identifier: GPL-2.0-or-later
"""What calls that QEMU answers otherwise still have: whether each is needed, and whether others show it as well."""

from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic

from conformance.qemu.calls import Made
from conformance.qemu.differ import Difference
from conformance.qemu.plainer import neighbours
from conformance.qemu.shorten import Replay, unstopped
from ddwcheck.need import Need

MOST_NEIGHBOURS, MOST_SECONDS = 24, 20.0


def needs(found: Difference, again: Replay) -> Need:
    """Leave out each call, then try the operands next to those that there are, as long as there is time."""
    todo = [*_without(found), *islice(((False, *other) for other in neighbours(found.calls)), MOST_NEIGHBOURS)]
    again = unstopped(again)
    end, tried = monotonic() + MOST_SECONDS, list[tuple[bool, str, bool]]()
    for is_part, name, calls in todo:
        if monotonic() > end:
            break
        still = bool(calls or found.accesses) and found.like(again(calls, found.accesses))
        tried.append((is_part, name, still))

    def those(is_part: bool, still: bool) -> tuple[str, ...]:
        return tuple(name for part, name, shows in tried if part is is_part and shows is still)

    return Need(
        those(True, False), those(True, True), those(False, True), those(False, False), untried=len(todo) - len(tried)
    )


def _without(found: Difference) -> Iterator[tuple[bool, str, Sequence[Made]]]:
    for at in range(len(found.calls)):
        yield True, f"call {at + 1}", found.calls[:at] + found.calls[at + 1 :]
