# SPDX-License-Identifier: GPL-2.0-or-later
"""How a run of TCEs is cut into hypercalls. Rules: `model.calls.TceRun`, `model.guest.tces.stuff_limit`."""

from typing import Any

from model.calls import StuffTce, TceRun
from model.defects.stuff_without_limit import all_at_once
from model.guest.tces import stuff_limit
from model.types import BusAddress, Liobn, Tce
from model.words import umin
from proofs.case import Case, Claim, assumption, implies
from proofs.obligation import obligation

MOST = 512
"""TCEs that one hypercall takes. LoPAR 14.5.4.2."""
PAGE = 4096
"""Bytes of an I/O page; the cut is by entries, whatever their size."""


class RunCase(Case):
    """Any run of TCEs, cut at 512, and any of its entries."""

    def declare(self) -> None:
        """Declare the number of entries and one of them."""
        self.entries, self.entry = self.word("entries"), self.word("entry")

    @assumption
    def entry_is_of_the_run(self) -> Any:
        """The entry is one of the run's."""
        return self.entry < self.entries

    @assumption
    def run_is_real(self) -> Any:
        """The run has no more entries than the largest window in the smallest I/O pages."""
        return self.entries <= 1 << 51

    def call(self, number: Any) -> Any:
        """A call of the run, from bus address 0 on."""
        run = TceRun(StuffTce, Liobn(1), BusAddress(0), Tce(0), 0, PAGE, self.entries, MOST)
        return self.rule(run, number)


def always_full(run: TceRun, number: Any) -> Any:
    """Wrong: the last call takes 512 too."""
    return StuffTce(run.liobn, BusAddress(number * MOST * PAGE), Tce(0), MOST)


def one_short(run: TceRun, number: Any) -> Any:
    """Wrong: each call leaves out its last entry."""
    call = TceRun.call(run, number)
    assert isinstance(call, StuffTce)
    return StuffTce(call.liobn, call.ioba, call.tce, call.count - 1)


def begins_one_early(run: TceRun, number: Any) -> Any:
    """Wrong: each call but the first begins with the entry before its own."""
    call = TceRun.call(run, number)
    assert isinstance(call, StuffTce)
    return StuffTce(call.liobn, BusAddress(call.ioba - umin(call.ioba, PAGE)), call.tce, call.count)


@obligation(supports="unmap-releases", about=TceRun.call, mutant=one_short)
def no_entry_is_lost_between_calls(c: RunCase) -> Claim:
    """Each entry of a run is in the call of its 512."""
    call = c.call(c.entry >> 9)
    first = call.ioba >> 12
    return c.claim(
        assume=[c.entry_is_of_the_run, c.run_is_real],
        cover={"the last of a full call": c.entry == MOST - 1},
        goal=(first <= c.entry) & (c.entry < first + call.count),
    )


@obligation(supports="no-write-outside", about=TceRun.call, mutant=always_full)
def no_call_names_an_entry_beyond_the_run(c: RunCase) -> Claim:
    """Each call names 1 to 512 entries, all of them of the run."""
    call = c.call(c.entry >> 9)
    return c.claim(
        assume=[c.entry_is_of_the_run, c.run_is_real],
        cover={"a short one": call.count < MOST},
        goal=(call.count >= 1) & (call.count <= MOST) & ((call.ioba >> 12) + call.count <= c.entries),
    )


@obligation(supports="calls-well-formed", about=TceRun.call, mutant=begins_one_early)
def no_entry_is_in_two_calls(c: RunCase) -> Claim:
    """A call ends before the next one begins."""
    number = c.entry >> 9
    first, call = c.call(0 if number == 0 else number - 1), c.call(number)
    return c.claim(
        assume=[c.entry_is_of_the_run, c.run_is_real],
        cover={"a later call": number > 0},
        goal=implies(number > 0, (first.ioba >> 12) + first.count <= call.ioba >> 12),
    )


@obligation(supports="calls-well-formed", about=stuff_limit, mutant=all_at_once)
def one_stuff_takes_at_most_512(c: RunCase) -> Claim:
    """H_STUFF_TCE is asked for 1 to 512 TCEs."""
    limit = c.rule(c.entries)
    return c.claim(
        assume=[c.entry_is_of_the_run], cover={"many": c.entries > MOST}, goal=(limit >= 1) & (limit <= MOST)
    )
