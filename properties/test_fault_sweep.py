# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of enable, one at a time with every answer and in pairs, on every platform; then a whole life."""

from itertools import product

import pytest

from model.guest.kernel import Kernel
from model.profiles import Profile
from model.run import Run
from model.trace import Trace
from properties.sweep import CASES, CLEAN_UP, LPARS, MASKS, case_name, failures, hit, life, one_answer_each


def live(trace: Trace) -> Run:
    """Carry out a trace; every step is judged."""
    run = Run(trace.profile, trace.lpar)
    for step in trace.steps:
        if run.impossible(step.event) is None:
            run.step(step)
    return run


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_every_failure_of_enable_leaves_the_device_usable(profile: Profile, lpar: str, mask: str) -> None:
    faults = failures(profile, LPARS[lpar], MASKS[mask], Kernel)
    assert len(faults) > 5
    for fault in faults:
        run = live(life(profile, LPARS[lpar], MASKS[mask], (fault,)))
        assert hit(run, fault) or (fault.point, fault.skip) in CLEAN_UP


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_so_does_every_pair_of_failures(profile: Profile, lpar: str, mask: str) -> None:
    first = one_answer_each(failures(profile, LPARS[lpar], MASKS[mask], Kernel))
    for pair in product(first, first):
        live(life(profile, LPARS[lpar], MASKS[mask], pair))
