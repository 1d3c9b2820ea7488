# SPDX-License-Identifier: GPL-2.0-or-later
"""Making a trace smaller while it still shows the same: fewest events first, then the plainest values.

It knows traces, not guests: whoever shrinks says by `shows` what is run, so that it serves the model, the kernel's C and
a real hypervisor alike. Each step taken lowers `plainer.weight`, which has no endless descent; nothing is drawn by chance.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic

from conformance import plainer
from conformance.plainer import weight
from model.trace import Trace

Shows = Callable[[Trace], bool]
"""Whether a trace still shows what it is kept for."""


def shrink(trace: Trace, shows: Shows) -> Trace:
    """The smallest trace found that `shows`; `trace` must. Each round tries everything, until a round changes nothing."""
    shows = once(trace, shows)
    before = None
    while before != trace:
        before = trace
        trace = fewer_steps(trace, shows)
        for simpler in (plainer.partitions, plainer.platforms, plainer.steps):
            trace = _downhill(trace, simpler, shows)
    return trace


def bounded(shows: Shows, runs: int, seconds: float) -> Shows:
    """`shows`, which says no once it was asked so often, or for so long."""
    end = monotonic() + seconds

    def patient(trace: Trace) -> bool:
        nonlocal runs
        runs -= 1
        return runs >= 0 and monotonic() < end and shows(trace)

    return patient


def once(start: Trace, shows: Shows) -> Shows:
    """`shows`, which says no to what it was asked before: whatever shows is taken at once, so that it need not come back."""
    asked = {start}

    def fresh(trace: Trace) -> bool:
        if trace in asked:
            return False
        asked.add(trace)
        return shows(trace)

    return fresh


def fewer_steps(trace: Trace, shows: Shows) -> Trace:
    """Leave out runs of steps, long ones first; mappings keep their number, or are numbered anew."""
    size = len(trace.steps)
    while size:
        at = 0
        while at < len(trace.steps):
            left = [k for k in range(len(trace.steps)) if not at <= k < at + size]
            plain = replace(trace, steps=tuple(trace.steps[k] for k in left))
            shorter = next(
                (t for t in (replace(trace, steps=plainer.renumbered(trace, left)), plain) if shows(t)), None
            )
            if shorter is not None:
                trace = shorter
            else:
                at += size
        size //= 2
    return trace


def _downhill(trace: Trace, candidates: Callable[[Trace], Iterator[Trace]], shows: Shows) -> Trace:
    """The first candidate of less weight that shows, again and again until none does."""
    found: Trace | None = trace
    while found is not None:
        trace = found
        lightest = weight(trace)
        found = next((other for other in candidates(trace) if weight(other) < lightest and shows(other)), None)
    return trace
