# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads the profiles of `properties.settings`; `ci` unless `--hypothesis-profile` names another."""

import pytest
from hypothesis import settings
from hypothesis.errors import InvalidArgument

from properties import settings as profiles  # noqa: F401 registers them


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile; UsageError for one that does not exist, or a seed that is no number."""
    try:
        settings.load_profile(config.getoption("--hypothesis-profile") or "ci")
    except InvalidArgument as unknown:
        raise pytest.UsageError(str(unknown)) from None
    if not str(config.getoption("--hypothesis-seed") or 0).isdecimal():
        raise pytest.UsageError("--hypothesis-seed takes a number")


@pytest.fixture
def seed_number(request: pytest.FixtureRequest) -> int:
    """The number that `--hypothesis-seed` names, 0 if none."""
    return int(request.config.getoption("--hypothesis-seed") or 0)
