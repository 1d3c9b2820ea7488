# SPDX-License-Identifier: GPL-2.0-or-later
"""The `ddwcheck` command, and what all its parts share: verdicts, exit codes, bad input."""

from enum import Enum
from io import StringIO
from textwrap import wrap

from rich.console import Console
from rich.table import Table


class Verdict(Enum):
    """How a run, a log or a device is judged; the value is the exit code. Only the first is green."""

    HOLDS = 0
    VIOLATED = 1
    INCONCLUSIVE = 3


BAD_INPUT = 2
"""Exit code of bad usage and of input that cannot be read."""


class BadInput(Exception):
    """What the user gave cannot be used; the message is one line."""


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict on the whole: one violation violates it, one open question leaves it open."""
    return next((v for v in (Verdict.VIOLATED, Verdict.INCONCLUSIVE) if v in verdicts), Verdict.HOLDS)


WIDTH = 100
"""Longest line of output."""


def wrapped(line: str) -> list[str]:
    """A line of a report in pieces that fit; what follows the first is indented further."""
    indent = len(line) - len(line.lstrip())
    return wrap(line, WIDTH, subsequent_indent=" " * (indent + 4), break_on_hyphens=False) or [""]


def drawn(table: Table, width: int) -> list[str]:
    """The lines of a table as plain text."""
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]
