# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads the profiles of `properties.settings`; `ci` unless `--hypothesis-profile` names another."""

import pytest
from hypothesis import settings

from properties import settings as profiles  # noqa: F401 registers them


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile."""
    settings.load_profile(config.getoption("--hypothesis-profile") or "ci")


@pytest.fixture
def seed_number(request: pytest.FixtureRequest) -> int:
    """The number that `--hypothesis-seed` names, 0 if none."""
    return int(request.config.getoption("--hypothesis-seed") or 0)
