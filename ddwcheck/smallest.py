# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of the model that breaks an invariant, made as short and plain as it can be, and what of it is needed."""

from collections.abc import Sequence

from conformance.shrink import bounded, shrink
from conformance.survey import fingerprint, watch
from ddwcheck.need import Need, needs
from model.invariants import Violation
from model.run import InvariantBroken, Run
from model.trace import Trace
from proofs.conditions import condition_of

PATIENCE, SECONDS = 1000, 10.0
"""Runs and time for making one trace shorter."""
MISFITS = (ArithmeticError, LookupError, ValueError, TypeError, AssertionError)
"""What the rules may do on a trace that nobody would draw; it then shows nothing."""


def smallest(broken: InvariantBroken, defects: Sequence[str] = ()) -> tuple[Run, Sequence[Violation], Need | None]:
    """The smallest run found that breaks the first of the invariants in the same words, with what it takes.

    The run itself, and nothing of what it takes, where it does not break it again: on another hypervisor than the
    reference. defects: behind it, as far as they are known.
    """
    run, name = broken.run, fingerprint(*broken.seen[0])
    trace = Trace(run.profile, run.lpar, tuple(done.step for done in run.history))

    def shows(other: Trace) -> bool:
        try:
            return any(sight.fingerprint == name for sight in watch(other, run.make_guest)[0])
        except MISFITS:
            return False

    if not shows(trace):
        return run, broken.violations, None
    small = shrink(trace, bounded(shows, PATIENCE, SECONDS))
    sights, again = watch(small, run.make_guest)
    assert again is not None, "a trace that has steps boots"
    found = [sight.violation for sight in sights if sight.fingerprint == name]
    others = [sight.violation for sight in sights if sight.violation not in found]
    return again, [*found, *others], needs(small, shows, condition_of(list(defects)))
