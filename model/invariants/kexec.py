# SPDX-License-Identifier: GPL-2.0-or-later
"""The invariant about kernels that follow another one without a reboot."""

from collections.abc import Iterator
from typing import NamedTuple

from model.events import Kdump, Kexec
from model.interfaces import TceSpan, WindowView
from model.invariants import spans
from model.invariants.registry import Violation, invariant
from model.invariants.scene import Scene, as_they_were, entry, indices, valid
from model.types import Span

ENOUGH = 2048
"""Entries that a dump may take from a table that is nearly full. Linux: KDUMP_MIN_TCE_ENTRIES."""


class Left(NamedTuple):
    """The TCEs that a crashed kernel left in a window, by the PE's first device; window: None if it is gone."""

    device: int
    tces: tuple[TceSpan, ...]
    window: WindowView | None


def successions(scene: Scene) -> Iterator[Left | int]:
    """What a crashed kernel left in windows, and devices that have another kernel now."""
    left = scene.ledger.dump.left if scene.ledger.dump is not None else {}
    for (pe, liobn), tces in left.items():
        device = scene.lpar.functions.index(pe)
        yield Left(device, tces, scene.windows[device].get(liobn))
    if isinstance(scene.event, Kexec | Kdump):
        yield from scene.views


@invariant(
    "kexec-keeps-running",
    successions,
    "DESIGN.md speaks of dumps alone: what a kernel that was not stopped by a crash left mapped serves nobody; Linux gives "
    "up entries of full tables so that a dump can be written at all; TCEs that the hypervisor refused to clear are excused",
)
def keeps_running(scene: Scene, subject: Left | int) -> Violation | None:
    """A kernel that dumps another one touches no TCE that this left mapped, but for the last 2048 of a table with fewer
    free ones (of a smaller table half), and finds a window with as much room; any other kernel that kexec starts leaves no
    TCE of the one before.
    """
    if isinstance(subject, Left):
        return _touched(subject)
    if isinstance(scene.event, Kexec):
        return _remains(scene, subject)
    return _unusable(scene, subject)


def _touched(left: Left) -> Violation | None:
    if left.window is None:
        return Violation("kexec-keeps-running", "a window that the crashed kernel's devices use is gone", "a window", "none",
                         left.device)  # fmt: skip
    all_of_it = [Span(run.start, run.stop) for run in left.tces]
    changed = spans.difference(spans.union(all_of_it), spans.union(as_they_were(left.window, left.tces)))
    given_up = _may_be_given_up(left)
    wrong = spans.difference(changed, [given_up])
    if not wrong:
        return None
    at = wrong[0].start
    was = next(run.tce + (at - run.start) * run.step for run in left.tces if run.start <= at < run.stop)
    now = next((run.tce for run in left.window.table.spans(at, at + 1)), 0)
    return Violation("kexec-keeps-running", f"TCE {at:#x}, which the crashed kernel left mapped, was changed", was, now,
                     left.device, entry(left.window, at))  # fmt: skip


def _room(entries: int) -> int:
    return ENOUGH if entries >= ENOUGH else (entries + 1) // 2


def _may_be_given_up(left: Left) -> Span[int]:
    assert left.window is not None
    entries = indices(left.window, left.window.span).stop
    free = entries - sum(run.stop - run.start for run in left.tces)
    return Span(entries - _room(entries), entries) if free < _room(entries) else Span(entries, entries)


def _remains(scene: Scene, device: int) -> Violation | None:
    for window in scene.windows[device].values():
        remains = spans.difference(valid(window, window.span), scene.excused(window))
        if remains:
            return Violation("kexec-keeps-running", f"TCE {remains[0].start:#x} of the kernel before still grants access",
                             "no TCE", f"{sum(span.size for span in remains)} TCEs", device,
                             entry(window, remains[0].start))  # fmt: skip
    return None


def _unusable(scene: Scene, device: int) -> Violation | None:
    """Whether a device whose properties name a window finds none with room."""
    room = 0
    if scene.unsure(device):
        return None
    for table in (t for t in scene.tables if scene.same_pe(t.device, device)):
        entries = indices(table.window, table.table.span).size
        taken = spans.difference(spans.union(table.table.allocated or ()), scene.excused(table.window))
        room = max(room, entries - sum(span.size for span in taken))
        if room >= _room(entries):
            return None
    return Violation("kexec-keeps-running", "no window has room for a dump", f"{ENOUGH} free entries", room, device)
