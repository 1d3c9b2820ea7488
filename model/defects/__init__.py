# SPDX-License-Identifier: GPL-2.0-or-later
"""Known deviations of Linux from what it means to do: each file replaces one rule of the reference.

A release is the reference guest plus the defects that name it, as far as they are known. Adding one is adding a file
with a `DEFECT`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr

REFERENCE = "reference"
"""The release without a defect."""
RELEASES = ("6.1", "6.12", "7.2", "7.3")
"""Releases that defects are known for."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One wrong rule.

    replaces: a rule of `Kernel` or `Papr`, `by` what runs instead. breaks: the invariant that must fail, or None: a
    habit that does no harm by itself, though what the kernel does is not the same without it. releases: those
    of RELEASES that have it; none if it was fixed before them, or is a mutant that nobody shipped. commits: what
    introduced and what fixed it, as far as known. root_cause: why it is wrong.
    """

    id: str
    breaks: str | None
    replaces: Callable[..., Any]
    by: Callable[..., Any]
    root_cause: str
    releases: tuple[str, ...] = ()
    commits: str = ""

    @property
    def side(self) -> type[Kernel] | type[Papr]:
        """The class whose rule is replaced."""
        return Kernel if _rule_name(Kernel, self.replaces) else Papr

    @property
    def rule(self) -> str:
        """The name of the rule that is replaced; LookupError if `replaces` is none."""
        name = _rule_name(self.side, self.replaces)
        if name is None:
            raise LookupError(f"{self.id}: {self.replaces} is no rule")
        return name


def _rule_name(side: type, function: Callable[..., Any]) -> str | None:
    for name, value in vars(side).items():
        if getattr(value, "__func__", value) is function:
            return name
    return None


def apply(side: type[Any], defects: Iterable[Defect]) -> type[Any]:
    """`side` (Kernel or Papr) with the defects that concern it; ValueError if two replace the same rule."""
    replaced: dict[str, Any] = {}
    for defect in defects:
        if defect.side is not side:
            continue
        if defect.rule in replaced:
            raise ValueError(f"{defect.id} replaces {defect.rule}, which another defect replaces already")
        static = isinstance(vars(side)[defect.rule], staticmethod)
        replaced[defect.rule] = staticmethod(defect.by) if static else defect.by
    return type(side.__name__, (side,), replaced) if replaced else side


@cache
def catalogue() -> dict[str, Defect]:
    """All defects by id."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.DEFECT for module in modules]
    return {defect.id: defect for defect in sorted(found, key=lambda d: d.id)}


def of_release(release: str) -> list[Defect]:
    """The defects of a release; none for the reference. KeyError for a release that is not known."""
    if release == REFERENCE:
        return []
    if release not in RELEASES:
        raise KeyError(release)
    return [defect for defect in catalogue().values() if release in defect.releases]
