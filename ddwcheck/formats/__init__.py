# SPDX-License-Identifier: GPL-2.0-or-later
"""How an outcome is printed: each format is a module with one function, from an outcome to text."""

from enum import StrEnum
from typing import NamedTuple

from ddwcheck import Verdict
from ddwcheck.formats import json, ktap, sarif, text
from ddwcheck.outcome import Outcome


class Format(StrEnum):
    """The formats by the name that a user gives."""

    TEXT = "text"
    KTAP = "ktap"
    SARIF = "sarif"
    JSON = "json"


RENDER = {Format.TEXT: text.render, Format.KTAP: ktap.render, Format.SARIF: sarif.render, Format.JSON: json.render}


class Rendered(NamedTuple):
    """What is printed of an outcome. plain: as it is, for other programs than a terminal too."""

    lines: list[str]
    verdict: Verdict
    plain: bool


def rendered(outcome: Outcome, chosen: Format) -> Rendered:
    """The outcome in the chosen format."""
    return Rendered([RENDER[chosen](outcome)], outcome.verdict, chosen is not Format.TEXT)
