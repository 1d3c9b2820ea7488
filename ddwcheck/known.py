# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a finding through the defects behind it: why, in which releases, since which commit."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from history import every_defect


def why(names: Iterable[str]) -> list[str]:
    """Why it is wrong: the cause of each defect."""
    return [every_defect()[name].root_cause for name in names]


def releases(names: Iterable[str]) -> list[str]:
    """The tested releases that have one of the defects."""
    return list(dict.fromkeys(chain.from_iterable(every_defect()[name].releases for name in names)))


def fixes(names: Iterable[str]) -> Iterator[str]:
    """Commits that brought a defect in, as candidates for a Fixes: tag; what later fixed one is none."""
    for name in names:
        brought_in = every_defect()[name].commits.partition("fixed by")[0]
        yield from re.findall(r"\b[0-9a-f]{12}\b", brought_in)


def functions(names: Iterable[str]) -> list[str]:
    """The kernel's functions that the wrong rules restate, as far as a rule names one."""
    rules = (rule for name in names for rule in (every_defect()[name].by, every_defect()[name].replaces))
    told = (re.search(r"Linux: .*?(\w+)\(\)", " ".join((rule.__doc__ or "").split())) for rule in rules)
    return list(dict.fromkeys(f"{match[1]}()" for match in told if match))
