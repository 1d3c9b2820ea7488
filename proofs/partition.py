# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference guest in front of a hypervisor of which one TCE is looked at: any TCE, so that what holds of it holds of all.

What runs is `model.guest.kernel.Kernel` itself. The TCE, the window, the memory and what was there before are any words.
TCEs are set and cleared one by one; that lists of 512 do the same is `test_tces`'s.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

from model.calls import Hcall, HcallAnswer, HcallStatus, RtasAnswer, RtasCall, RtasStatus, TceRun
from model.guest.kernel import Kernel
from model.locks import Lock
from model.profiles import MultiTce, simple_lpar
from model.types import GIB, WRITE
from model.words import select, umin
from proofs.case import Assumption, Case, Claim, negate


def lies_in(index: Any, first: Any, count: Any) -> Any:
    """Whether an index is one of `count` from the first on, which may be so many that their end is no word."""
    return (first <= index) & (index - umin(index, first) < count)


class WatchedTce(NamedTuple):
    """What the TCE holds: whether it grants access, the number of the I/O page of memory, and whether for writing too."""

    valid: Any
    page: Any
    writable: Any


class WatchedPort:
    """The guest's way to that TCE, number `index` of the window at `base`.

    may_fail: whether a loop that sets TCEs may fail, behind any of them, the last one too. removed: what the TCE held
    whenever a window was removed.
    """

    def __init__(self, case: Case, tce: WatchedTce, index: Any, base: Any, page_shift: Any) -> None:
        """Start with what the TCE holds."""
        self.case, self.tce = case, tce
        self.index, self.base, self.page_shift = index, base, page_shift
        self.may_fail: Any = False
        self.removed: list[WatchedTce] = []

    def hcall(self, call: Hcall) -> HcallAnswer:
        """A loop of TCE calls that sets them or clears them."""
        assert isinstance(call, TceRun) and call.per_call == 1
        fails = call.step != 0 and bool(self.may_fail)
        done = umin(self.case.word("set"), call.entries) if fails else call.entries
        first = (call.ioba - self.base) >> self.page_shift
        hit = lies_in(self.index, first, done)
        page = (call.first >> self.page_shift) + (self.index - umin(self.index, first))
        before, grants = self.tce, call.step != 0
        self.tce = WatchedTce(
            (before.valid | hit) if grants else (before.valid & negate(hit)),
            select(hit, page, before.page) if grants else before.page,
            (hit & (call.first & WRITE != 0)) | (negate(hit) & before.writable) if grants else before.writable,
        )
        assert grants or call.first == 0
        return HcallAnswer(HcallStatus.PARAMETER if fails else HcallStatus.SUCCESS, done=done)

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """A window is removed."""
        self.removed.append(self.tce)
        return RtasAnswer(RtasStatus.SUCCESS)

    watched = False
    """Nobody else comes in."""

    def allocate(self, what: str, sleeps: bool = False) -> bool:
        """There is memory for everything."""
        return True

    def locked(self, lock: Lock) -> AbstractContextManager[None]:
        """Nobody else is waiting."""
        return nullcontext()


class WatchedMap:
    """The allocator's map of a table, of which one entry is looked at."""

    def __init__(self, entry: Any, taken: Any) -> None:
        """Start with what the entry is."""
        self.entry, self.taken = entry, taken

    def take(self, start: Any, count: Any) -> None:
        """Entries are taken."""
        self.taken = self.taken | self._hit(start, count)

    def free(self, start: Any, count: Any) -> None:
        """Entries are free."""
        self.taken = self.taken & negate(self._hit(start, count))

    def _hit(self, start: Any, count: Any) -> Any:
        return lies_in(self.entry, start, count)


class GuestCase(Case):
    """A guest in any state of its sequence of events, and the event that comes next."""

    def guest(self, port: WatchedPort, rule_name: str) -> Kernel:
        """The guest, with the rule that the obligation is about, or a mutant, in its place."""
        kernel = Kernel(replace(simple_lpar(GIB), multi_tce=MultiTce.NONE), port)
        is_method = not isinstance(vars(Kernel)[rule_name], staticmethod)
        rule: Callable[..., Any] = self.rule
        setattr(kernel, rule_name, (lambda *operands: rule(kernel, *operands)) if is_method else rule)
        kernel.online = []
        return kernel

    def claim(self, assume: list[Assumption], cover: Mapping[str, Any], goal: Any) -> Claim:
        """What the run ends with. Not every event comes to the rule; that its mutants are refuted shows that it matters."""
        self.rule_ran = True
        return super().claim(assume, cover, goal)
