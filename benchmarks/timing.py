# SPDX-License-Identifier: GPL-2.0-or-later
"""How things are measured: two peers in turns, medians, one ratio."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what was measured, beside which peer, and measured / peer.

    target: what the ratio should not exceed; None where there is no target.
    """

    what: str
    measured: str
    peer: str
    ratio: float
    target: float | None = None


Measurement = Callable[[int], list[Figure]]
"""Takes the number of repetitions."""


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes, without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        start = perf_counter()
        work()
        return perf_counter() - start
    finally:
        gc.enable()


def in_turns(measured: Callable[[], object], peer: Callable[[], object], repetitions: int) -> tuple[float, float]:
    """Medians of both, measured alternately so that both see the same machine; a first round is thrown away."""
    pairs = [(seconds(measured), seconds(peer)) for _ in range(repetitions + 1)][1:]
    return median(one for one, _ in pairs), median(other for _, other in pairs)


def milliseconds(value: float) -> str:
    """A time for people."""
    return f"{value * 1000:.2f} ms"
