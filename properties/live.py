# SPDX-License-Identifier: GPL-2.0-or-later
"""Carrying out the traces that sweeps go through; every step is judged."""

from collections.abc import Callable

from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.run import Run
from model.trace import Trace
from properties.machine import Tally

Record = Callable[[str, object], None]
"""pytest's record_property, which takes a part's tally to the summary."""


def carried_out(trace: Trace, guest: type[Kernel] = Kernel, hypervisor: type[Papr] = Papr) -> Run:
    """The run of those events of a trace that can happen; InvariantBroken as from `Run.step`."""
    run = Run(trace.profile, trace.lpar, guest, hypervisor)
    for step in trace.steps:
        if run.impossible(step.event) is None:
            run.step(step)
    return run


def live(trace: Trace, tally: Tally) -> Run:
    """The same for the reference, added to the tally."""
    run = carried_out(trace)
    tally.add(run)
    return run
