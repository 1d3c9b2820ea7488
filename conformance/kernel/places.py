# SPDX-License-Identifier: GPL-2.0-or-later
"""Where in the kernel's source an address of a program lies."""

import re
import subprocess
from functools import cache
from pathlib import Path

NAMES = re.compile(r"arch/powerpc/|lib/|include/")
"""What the path of a file of the tree has in it, and none of ours."""


@cache
def place(program: Path, address: int) -> str:
    """The kernel's function, file and line of the call that returns to `address`; "?" where none is known.

    Of inlined functions the innermost that is in a .c file, so that the wrappers of plpar_wrappers.h do not hide it.
    """
    command = ["addr2line", "-f", "-i", "-e", str(program), hex(address - 1)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no binutils
        return "?"
    lines = done.stdout.splitlines()
    for function, where in zip(lines[::2], lines[1::2], strict=False):
        file, _, rest = where.partition(":")
        number = re.match(r"\d+", rest)
        if file.endswith(".c") and NAMES.search(file) and number:
            return f"{function}() {Path(file).name}:{number[0]}"
    return "?"
