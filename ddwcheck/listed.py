# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings that FINDINGS.md lists: those of the kernel, F1 and on, and those of QEMU, Q1 and on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from model.defects import RELEASES


class Listed(NamedTuple):
    """One row. defects: ids; told: what happens; needs: what it takes; releases: on whose C it was shown. rule: of QEMU's."""

    id: str
    function: str
    told: str
    needs: str = ""
    defects: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    rule: str = ""
    kind: str = "kernel, undecided: no maintainer has been asked"

    @property
    def functions(self) -> tuple[str, ...]:
        """Each function that the row names."""
        return tuple(dict.fromkeys(re.findall(r"\w+\(\)", self.function)))


def read(path: Path) -> list[Listed]:
    """All rows in their order; OSError if the file cannot be read, ValueError if it has two of one id."""
    found = list(_rows(path.read_text()))
    if len({row.id for row in found}) != len(found):
        raise ValueError("two findings have one id")
    return found


def _rows(text: str) -> Iterator[Listed]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.match(r"\| F\d+ \|", line) and len(cells) == 6:
            name, defects, function, told, needs, shown = cells
            yield Listed(name, plain(function), plain(told), plain(needs), tuple(re.findall(r"`([a-z0-9-]+)`", defects)),
                         releases(shown))  # fmt: skip
        elif re.match(r"\| Q\d+ \|", line) and len(cells) == 5:
            name, rule, function, told, kind = cells
            yield Listed(
                name, plain(function), plain(told), rule=plain(rule), kind=f"{plain(kind)}, undecided: nobody asked"
            )


def releases(text: str) -> tuple[str, ...]:
    """The releases that the last column names: all, some, or none."""
    if text == "all" or text.endswith("on all four"):
        return RELEASES
    return tuple(name for name in re.findall(r"\b\d\.\d+\b", text.split(";", maxsplit=1)[0]) if name in RELEASES)


def plain(cell: str) -> str:
    """A cell without its marks."""
    return re.sub(r"[`*]", "", cell)
