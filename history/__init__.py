# SPDX-License-Identifier: GPL-2.0-or-later
"""DDW bugs that Linux has fixed, each with its shortest trace; one file each in `bugs/`, in the form of `Bug`.

Adding one is adding a file with a `BUG`. Its wrong rule is a defect: one of `model.defects` where that has it already, else
one that the file defines. What the model does not cover is in `not_covered`.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from history import bugs
from model import defects
from model.defects import Defect
from model.events import Event, SetMask, Step
from model.profiles import Lpar, Profile
from model.trace import Trace
from model.types import DmaMask

BITS_64, BITS_32 = DmaMask((1 << 64) - 1), DmaMask((1 << 32) - 1)
OPENS = SetMask(0, BITS_64)
"""What most bugs begin with: the driver of device 0 sets a mask of 64 bits."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug.

    title: of the commit that fixed it, in parentheses other words where it is not known; date: when that was written.
    release: the first one with the fix, "" if not known.
    defect: what was wrong, with the commits that brought it in and fixed it. If it breaks no invariant, it is told by what
    the guest does beside the reference. trace: the shortest that shows it, on the reference with the defect.
    """

    title: str
    date: str
    release: str
    defect: Defect
    trace: Trace

    @property
    def introduced(self) -> str:
        """The commit that brought it in, "" if not known."""
        return next(_hashes(self.defect.commits.partition("fixed by")[0]), "")

    @property
    def fixed(self) -> str:
        """The commit that fixed it, "" if not known."""
        return next(_hashes(self.defect.commits.partition("fixed by")[2]), "")

    @property
    def confirmed(self) -> bool:
        """Whether the commit that fixed it has been seen under that hash."""
        return "not confirmed" not in self.defect.commits


def _hashes(text: str) -> Iterator[str]:
    return iter(re.findall(r"\b[0-9a-f]{12}\b", text))


def trace(profile: Profile, lpar: Lpar, *steps: Event | Step) -> Trace:
    """A trace of events; one with dictated answers, or with others in its middle, is given as a step."""
    return Trace(profile, lpar, tuple(one if isinstance(one, Step) else Step(one) for one in steps))


@cache
def catalogue() -> dict[str, Bug]:
    """All bugs by the id of their defect, in the order of their fixes; ValueError if two defects have one id."""
    modules = (importlib.import_module(f"{bugs.__name__}.{info.name}") for info in pkgutil.iter_modules(bugs.__path__))
    found = sorted((module.BUG for module in modules), key=lambda bug: (bug.date, bug.defect.id))
    known = {bug.defect.id: bug for bug in found}
    others = defects.catalogue()
    if len(known) < len(found) or any(others.get(id, bug.defect) is not bug.defect for id, bug in known.items()):
        raise ValueError("two defects have one id")
    return known


def every_defect() -> dict[str, Defect]:
    """The defects of the model, and those of the history that it does not have, by id."""
    return defects.catalogue() | {id: bug.defect for id, bug in catalogue().items()}
