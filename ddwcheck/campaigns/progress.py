# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown of a campaign while it runs: a live line on a terminal, elsewhere a plain line now and then."""

from collections.abc import Callable
from datetime import timedelta
from math import isfinite
from time import monotonic
from types import TracebackType

from rich.console import Console

from ddwcheck.live import bar

EVERY = 60.0
"""Seconds between two plain lines."""


class Progress:
    """On standard error. Context manager: the live line ends with it. now: the clock."""

    def __init__(self, every: float = EVERY, now: Callable[[], float] = monotonic) -> None:
        self._console, self._bar = Console(stderr=True, soft_wrap=True, highlight=False), bar()
        self._every, self._now = every, now
        self._next = now() + every

    def __enter__(self) -> "Progress":
        self._bar.start()
        self._task = self._bar.add_task("campaign", total=1.0)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, line: str, part: float) -> None:
        """Where it is, and which part of it is done, from 0 to 1."""
        self._bar.update(self._task, description=line, completed=part)
        if not self._console.is_terminal and self._now() >= self._next:
            self._next = self._now() + self._every
            self._console.print(f"{line}, {part:.0%}", markup=False)


def line(units: int, steps: int, rate: float, findings: int, goals: tuple[int, int], left: float, lost: int) -> str:
    """One line of progress. rate: steps a second; goals: seen, of how many, 0 for none asked; left: seconds,
    infinite where nothing is known yet.
    """
    parts = [f"{units:,} units, {steps:,} steps, {rate:,.0f} steps/s, {findings} findings"]
    parts += [f"{goals[0]} of {goals[1]} reach goals"] if goals[1] else []
    parts += [f"{lost} lost and given out again"] if lost else []
    parts += [f"{timedelta(seconds=round(left))} left"] if isfinite(left) else []
    return ", ".join(parts)
