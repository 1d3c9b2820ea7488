# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference hypervisor with windows whose LIOBNs, places and entries are any words.

What runs is `model.hypervisor.papr.Papr` itself; only its windows are found by comparing LIOBNs, as a bit-vector has no
hash, and its tables hold one entry of interest.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from model.hypervisor.papr import Papr
from model.hypervisor.windows import Window
from model.profiles import POWERVM_DEDICATED, Profile
from model.types import Pe
from proofs.case import Case

PE, SISTER = Pe(0x280000, 0x20000524), Pe(0x290000, 0x20000524)
"""Two PEs below one PHB."""


class Windows:
    """The windows of a PE by LIOBN, as a list."""

    def __init__(self, windows: Sequence[Any]) -> None:
        """Hold some windows."""
        self.held = list(windows)

    def __contains__(self, liobn: Any) -> bool:
        return any(bool(window.liobn == liobn) for window in self.held)

    def __getitem__(self, liobn: Any) -> Any:
        return next(window for window in self.held if window.liobn == liobn)

    def __setitem__(self, liobn: Any, window: Any) -> None:
        self.held.append(window)

    def __delitem__(self, liobn: Any) -> None:
        self.held.remove(self[liobn])

    def __len__(self) -> int:
        return len(self.held)

    def __iter__(self) -> Iterator[Any]:
        return (window.liobn for window in self.held)

    def values(self) -> list[Any]:
        """The windows."""
        return list(self.held)


class WatchedTable:
    """A table that says what was asked of it.

    tce: what every entry holds. is_valid: whether any grants access. read: entries looked up. written: runs, by first
    entry and number.
    """

    def __init__(self, tce: Any, is_valid: Any) -> None:
        """Start with the same value in each entry."""
        self.tce, self.is_valid = tce, is_valid
        self.read: list[Any] = []
        self.written: list[tuple[Any, Any]] = []

    def __getitem__(self, index: Any) -> Any:
        self.read.append(index)
        return self.tce

    def valid(self) -> Any:
        """Whether any entry grants access."""
        return self.is_valid

    def fill(self, start: Any, tce: Any, step: Any, count: Any) -> None:
        """Note a run."""
        self.written.append((start, count))


class PlatformCase(Case):
    """A platform with a PE, another below the same PHB, and windows of both as a subclass wants them."""

    profile: Profile = POWERVM_DEDICATED

    def papr(self, rule_name: str) -> Papr:
        """The platform, with the rule that the obligation is about, or a mutant, in its place."""
        rule: Callable[..., Any] = self.rule
        papr = type("Papr", (Papr,), {rule_name: _method(rule)})(self.profile, (PE, SISTER))
        assert isinstance(papr, Papr)
        return papr

    def window(self, name: str, default: Any = None) -> Any:
        """A window of any LIOBN, unless it is a default one, and any valid entries."""
        window = Window(self.word(f"{name}_liobn") if default is None else default.liobn, *_AT_2_GIB)
        window.table = WatchedTable(0, self.flag(f"{name}_dirty"))  # type: ignore[assignment]
        return window


_AT_2_GIB: Any = (1 << 31, 12, 31, 1 << 31)


def _method(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule as a method of the platform."""

    def method(papr: Papr, *operands: Any) -> Any:
        return rule(papr, *operands)

    return method
