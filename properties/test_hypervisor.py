# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference hypervisor keeps LoPAR's promises whatever is asked of it."""

from collections.abc import Callable
from zlib import crc32

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from model.profiles import PROFILES
from properties.hypervisor_machine import calls_of

GOALS = (
    *(f"{call} alone: {status}" for call in ("query", "create", "remove", "reset") for status in ("SUCCESS", "PARAMETER")
      if (call, status) != ("query", "PARAMETER")),
    *(f"{call} alone: {status}" for call in ("PutTce", "StuffTce") for status in ("SUCCESS", "PARAMETER")),
    "StuffTce alone: P4", "StuffTce alone: FUNCTION",
)  # fmt: skip


@pytest.mark.parametrize("platform", PROFILES)
def test_every_call_does_what_lopar_says_or_nothing(
    platform: str, seed_number: int, record_property: Callable[[str, object], None]
) -> None:
    machine = calls_of(platform)
    try:
        run_state_machine_as_test(seed(crc32(f"{platform} {seed_number}".encode()))(machine), settings=settings())
    finally:
        record_property("tally", machine.tally.report("hypervisor", platform, GOALS, len(PROFILES)))
