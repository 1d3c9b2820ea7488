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
                yield number, _text(raw, f"{shown(path)}:{number}")
    except OSError as error:
        raise BadInput(f"{shown(path)}: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"{shown(path)}: not a path") from None


def _text(raw: bytes, where: str) -> str:
    if len(raw) > LONGEST_LINE:
        raise BadInput(f"{where}: longer than {LONGEST_LINE} bytes, not a kernel log")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadInput(f"{where}: not UTF-8 text, not a kernel log") from None
    if "\0" in text:
        raise BadInput(f"{where}: binary, not a kernel log")
    return text
