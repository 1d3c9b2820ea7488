# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: the reference guest on the reference hypervisor keeps every invariant through its whole life."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from properties.goals import GOALS
from properties.machine import SHARDS, machine_of, seeded
from properties.parts import PARTS
from properties.strategies import Strength


@pytest.mark.parametrize(("platform", "strength"), SHARDS)
def test_every_invariant_holds_after_every_step(
    platform: str, strength: Strength, seed_number: int, record_property: Callable[[str, object], None]
) -> None:
    machine = seeded(machine_of(platform, strength), (platform, strength), seed_number)
    try:
        run_state_machine_as_test(machine, settings=settings())
    finally:
        record_property("tally", machine.tally.report("life-cycle", f"{platform} {strength}", GOALS, PARTS))
