# SPDX-License-Identifier: GPL-2.0-or-later
"""What the main job consists of."""

from properties.crashes import CRASHES
from properties.interleavings import MEETINGS
from properties.machine import SHARDS
from properties.owner_sweep import CASES as OWNED
from properties.sweep import CASES

PARTS = len(SHARDS) + 2 * len(CASES) + len(OWNED) + len(CRASHES) + len(MEETINGS)
"""Tests that reach the goals of the life cycle together: its machines, and the sweeps."""
