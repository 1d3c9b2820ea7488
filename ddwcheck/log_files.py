# SPDX-License-Identifier: GPL-2.0-or-later
"""Text files line by line; whatever is no text, and whatever does not end, is bad input."""

from collections.abc import Iterator
from pathlib import Path

from ddwcheck import BadInput

LONGEST_LINE = 1 << 16
"""Bytes; printk() writes far shorter ones."""


def shown(path: str) -> str:
    """A path as one line."""
    return path if path.isprintable() else ascii(path)


def lines(path: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, one at a time."""
    try:
        with Path(path).open("rb") as file:
            number = 0
            while raw := file.readline(LONGEST_LINE + 1):
                number += 1
                try:
                    text = raw.decode()
                except UnicodeDecodeError:
                    text = "\0"
                if len(raw) > LONGEST_LINE or "\0" in text:
                    raise BadInput(f"{shown(path)}:{number}: {_no_line(raw)}, not a kernel log")
                yield number, text
    except OSError as error:
        raise BadInput(f"{shown(path)}: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"{shown(path)}: not a path") from None


def _no_line(raw: bytes) -> str:
    """What is wrong with bytes that are no line of a log."""
    if len(raw) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE} bytes"
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "not UTF-8 text"
    return "binary"
