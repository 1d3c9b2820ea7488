# SPDX-License-Identifier: GPL-2.0-or-later
"""`--format text`: the lines that a person reads."""

from rich.highlighter import RegexHighlighter

from ddwcheck.outcome import Outcome


class VerdictsInColour(RegexHighlighter):
    """Verdicts in colours, by rich's names of styles; rich leaves them out where NO_COLOR is set or no terminal is."""

    base_style = "logging.level."
    highlights = (
        r"\b(?P<error>VIOLATED|BROKEN RULE|BROKEN|NEW|added)\b", r"\b(?P<warning>INCONCLUSIVE|interrupted)\b",
        r"\b(?P<notset>HOLDS|all invariants held)\b",
    )  # fmt: skip


def render(outcome: Outcome) -> str:
    """The report as it was made."""
    return "\n".join(outcome.lines)
