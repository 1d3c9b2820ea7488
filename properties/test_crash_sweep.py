# SPDX-License-Identifier: GPL-2.0-or-later
"""A crash at every point of what drivers and the platform do, on every platform; the dump, and the life after it."""

import pytest

from model.profiles import Profile
from properties.crashes import CRASHES, PARTITIONS, crashes
from properties.goals import GOALS
from properties.live import Record, live
from properties.machine import Tally
from properties.parts import PARTS
from properties.sweep import case_name


@pytest.mark.parametrize(("profile", "lpar"), CRASHES, ids=case_name)
def test_a_kernel_that_dumps_leaves_devices_what_they_have(
    profile: Profile, lpar: str, record_property: Record
) -> None:
    tally = Tally()
    for trace in crashes(profile, PARTITIONS[lpar]):
        live(trace, tally)
    assert tally.reached["inside: Kdump in SetMask"] > 2
    record_property("tally", tally.report("life-cycle", "crashes", GOALS, PARTS))
