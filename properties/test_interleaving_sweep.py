# SPDX-License-Identifier: GPL-2.0-or-later
"""Every pair of events of which one comes in the middle of the other, at every point, on every platform."""

import pytest

from model.profiles import Profile
from properties.goals import GOALS, INSIDE
from properties.interleavings import MEETINGS, meetings
from properties.live import Record, live
from properties.machine import Tally
from properties.parts import PARTS
from properties.sweep import case_name


@pytest.mark.parametrize("profile", MEETINGS, ids=case_name)
def test_what_another_cpu_does_meanwhile_breaks_nothing(profile: Profile, record_property: Record) -> None:
    tally = Tally()
    for trace in meetings(profile):
        live(trace, tally)
    missed = [goal for goal in INSIDE if "Kdump" not in goal and not tally.reached[goal]]
    assert not missed
    record_property("tally", tally.report("life-cycle", "one event inside another", GOALS, PARTS))
