# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports the invariants in the order in which a reader wants their failures: the call, the event, the whole state."""

from model.invariants import calls, events, mappings, regions  # noqa: F401
