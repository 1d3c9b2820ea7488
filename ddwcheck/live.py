# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown while something takes long: on a terminal only, on standard error, and gone when it is done."""

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn


def spinner() -> Progress:
    """A line with the time so far, for work whose end is not known."""
    return _shown(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())


def bar() -> Progress:
    """A line with how much is done."""
    return _shown(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())


def _shown(*columns: SpinnerColumn | TextColumn | BarColumn | TaskProgressColumn | TimeElapsedColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
