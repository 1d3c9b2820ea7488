# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of enable, one at a time with every answer and in pairs, on every platform; then a whole life.

What it reaches counts for the goals of the life-cycle machines: a failure that they meet by chance is met here for certain.
"""

from itertools import product

import pytest

from model.guest.kernel import Kernel
from model.profiles import Profile
from properties.goals import GOALS
from properties.live import Record, live
from properties.machine import Tally
from properties.parts import PARTS
from properties.sweep import (
    CASES,
    CLEAN_UP,
    LPARS,
    MASKS,
    case_name,
    failures,
    hit,
    life,
    one_answer_each,
    refused_endings,
)


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_every_failure_of_enable_leaves_the_device_usable(
    profile: Profile, lpar: str, mask: str, record_property: Record
) -> None:
    tally = Tally()
    faults = failures(profile, LPARS[lpar], MASKS[mask], Kernel)
    assert len(faults) > 5
    for fault in faults:
        run = live(life(profile, LPARS[lpar], MASKS[mask], (fault,)), tally)
        assert hit(run, fault) or (fault.point, fault.skip) in CLEAN_UP
    record_property("tally", tally.report("life-cycle", "one failure at a time", GOALS, PARTS))


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_so_does_every_pair_of_failures(profile: Profile, lpar: str, mask: str, record_property: Record) -> None:
    tally = Tally()
    first = one_answer_each(failures(profile, LPARS[lpar], MASKS[mask], Kernel))
    for pair in product(first, first):
        live(life(profile, LPARS[lpar], MASKS[mask], pair), tally)
    record_property("tally", tally.report("life-cycle", "pairs of failures", GOALS, PARTS))


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_a_clearing_that_is_refused_leaves_no_more_than_that(profile: Profile, lpar: str, mask: str) -> None:
    refused = 0
    for trace in refused_endings(profile, LPARS[lpar], MASKS[mask]):
        run = live(trace, Tally())
        refused += any(crossing.injected for crossing in run.history[-1].crossings)
    assert refused
