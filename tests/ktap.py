# SPDX-License-Identifier: GPL-2.0-or-later
"""A reader of KTAP version 1 that takes nothing on trust. Linux: Documentation/dev-tools/ktap.rst."""

import re
from typing import NamedTuple

RESULT = re.compile(r"(ok|not ok) ([0-9]+)(?: ([^#]*?))?(?: # ?(.*))?")
DIRECTIVES = ("SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR")
FAILED = ("TIMEOUT", "ERROR")
"""Directives that go with "not ok" only."""


class BadKtap(ValueError):
    """What is read is no KTAP."""


class Result(NamedTuple):
    """A test. directive: "" for none; said: the diagnostic lines before it."""

    name: str
    passed: bool
    directive: str
    data: str
    said: tuple[str, ...]


def read(text: str) -> list[Result]:
    """The tests of a report that has only one level; BadKtap if a line is not as it must be."""
    version, *lines = text.rstrip("\n").split("\n")
    if version != "KTAP version 1":
        raise BadKtap(f"not a version line: {version!r}")
    plan = re.fullmatch(r"1\.\.([0-9]+)", lines[0]) if lines else None
    if plan is None:
        raise BadKtap("no plan")
    results: list[Result] = []
    said: list[str] = []
    for line in lines[1:]:
        if line.startswith("# "):
            said.append(line[2:])
            continue
        results.append(_result(line, len(results) + 1, tuple(said)))
        said = []
    if len(results) != int(plan[1]):
        raise BadKtap(f"{len(results)} tests, not {plan[1]}")
    return results


def _result(line: str, number: int, said: tuple[str, ...]) -> Result:
    match = RESULT.fullmatch(line)
    if match is None:
        raise BadKtap(f"neither a result nor a diagnostic: {line!r}")
    if int(match[2]) != number:
        raise BadKtap(f"number {match[2]} where {number} is due")
    word, _, rest = (match[4] or "").partition(" ")
    directive = word if word in DIRECTIVES else ""
    if directive in FAILED and match[1] == "ok":
        raise BadKtap(f"ok with {directive}")
    return Result(match[3] or "", match[1] == "ok", directive, rest if directive else match[4] or "", said)
