# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of docs/: their blocks, and how those with commands are run. What a page shows must come out.

A block "console" needs nothing but the repository, "console kernel" a kernel's source and gcc; both are run, and each line
below a command must be found in its output, in order, "..." being anything. "console make" has targets of the Makefile.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
LINKED = (
    "tests",
    "conformance",
    "docs",
    "model",
    "properties",
    "proofs",
    "ddwcheck",
    "FINDINGS.md",
    "README.md",
    "Makefile",
)
"""What commands find in the folder that they are run in."""
MARK = "@@ddwcheck@@"


class Command(NamedTuple):
    """A command, and lines of what it prints."""

    line: str
    shown: tuple[str, ...]


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    said: str


def blocks(text: str, kind: str) -> list[str]:
    """The blocks of one kind, as in ```console kernel."""
    return re.findall(rf"^```{re.escape(kind)}\n(.*?)^```$", text, re.M | re.S)


def commands(text: str, kinds: Sequence[str]) -> list[Command]:
    """The commands of the blocks of some kinds, in the order of the page."""
    found: list[Command] = []
    for kind, body in re.findall(r"^```(console[ \w]*)\n(.*?)^```$", text, re.M | re.S):
        if kind in kinds:
            for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
                line, *shown = part.rstrip("\n").split("\n")
                found.append(Command(line, tuple(shown)))
    return found


def run(todo: Sequence[Command], folder: Path) -> list[Ran]:
    """All commands in one shell, as a reader would type them."""
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    own = folder / "bin"
    own.mkdir()
    (own / "ddwcheck").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ddwcheck.main "$@"\n')
    (own / "ddwcheck").chmod(0o755)
    script = "".join(f"{command.line}\ncode=$?\necho; echo {MARK} $code\n" for command in todo)
    told = os.environ | {"PATH": f"{own}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)  # fmt: skip
    parts = re.split(rf"^{MARK} (\d+)\n", done.stdout, flags=re.M)
    return [Ran(int(code), said) for said, code in zip(parts[::2], parts[1::2], strict=False)]


def missing(command: Command, ran: Ran) -> str | None:
    """The first line that a page shows and that did not come out, None if all did. Blanks and broken lines do not count."""
    if ran.code:
        return f"exit {ran.code}"
    left = " ".join(ran.said.split())
    for line in command.shown:
        for piece in (part.strip() for part in line.split("...")):
            if piece:
                _, found, left = left.partition(" ".join(piece.split()))
                if not found:
                    return piece
    return None
