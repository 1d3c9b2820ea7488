# SPDX-License-Identifier: GPL-2.0-or-later
"""The main state machine beside one with the same rules and strategies that does nothing."""

from benchmarks.timing import Figure


def machine_floor_ratio(repetitions: int) -> list[Figure]:
    """Steps per second of the main machine over those of its empty twin. To be filled; no figure until then."""
    return []
