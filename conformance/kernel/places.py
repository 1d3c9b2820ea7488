# SPDX-License-Identifier: GPL-2.0-or-later
"""Where in the kernel's source an address of a program lies, and where a function begins."""

import re
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

OF_TREE = re.compile(r"(?:^|/)(arch/powerpc/.+\.c|lib/[^/]+\.c)$")
"""How the path of a file of the tree that is compiled ends, and none of ours; the match is the path below the tree's root."""


class Place(NamedTuple):
    """A line of a tree. file: below the tree's root."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function}() {Path(self.file).name}:{self.line}"


@cache
def place(program: Path, address: int) -> Place | None:
    """The kernel's function, file and line of the call that returns to `address`; None where none is known.

    Of inlined functions the innermost that is in a .c file, so that the wrappers of plpar_wrappers.h do not hide it.
    """
    command = ["addr2line", "-f", "-i", "-e", str(program), hex(address - 1)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no binutils
        return None
    lines = done.stdout.splitlines()
    for function, where in zip(lines[::2], lines[1::2], strict=False):
        path, _, rest = where.partition(":")
        file, number = OF_TREE.search(path), re.match(r"\d+", rest)
        if file and number:
            return Place(function, file[1], int(number[0]))
    return None


def definition(root: Path, file: str, functions: Sequence[str]) -> Place | None:
    """Where the first of some functions that a file of a tree has begins; None if it has none of them."""
    try:
        text = (root / file).read_text(errors="replace")
    except OSError:
        return None
    for function in functions:
        head = re.search(rf"^[a-z][^;{{}}()]*\b{function}\([^;{{]*\{{", text, re.M)
        if head is not None:
            return Place(function, file, text.count("\n", 0, head.start()) + 1)
    return None
