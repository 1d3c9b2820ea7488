# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of a PE that changes hands, on every platform and after every use of the host's; then a whole life.

What it reaches counts for the goals of the life-cycle machines.
"""

import pytest

from model.profiles import Profile
from model.trace import Trace
from properties.goals import GOALS
from properties.live import Record, live
from properties.machine import Tally
from properties.owner_sweep import CASES, USES, lives, platform
from properties.parts import PARTS
from properties.sweep import case_name


@pytest.mark.parametrize(("profile", "use"), CASES, ids=case_name)
def test_every_failure_in_user_space_leaves_the_host_its_device(
    profile: Profile, use: str, record_property: Record
) -> None:
    tally = Tally()
    for steps in lives(profile, use):
        live(Trace(platform(profile, use), USES[use][0], steps), tally)
    assert tally.reached["event ReleaseOwnership: None"] > tally.examples
    record_property("tally", tally.report("life-cycle", f"ownership {use}", GOALS, PARTS))
