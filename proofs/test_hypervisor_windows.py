# SPDX-License-Identifier: GPL-2.0-or-later
"""Windows come and go, whole calls. Rules: `model.hypervisor.create`, `remove`, `reset`."""

from dataclasses import replace
from typing import Any

from model.calls import RtasAnswer, RtasCall, RtasStatus
from model.hypervisor import create, remove, reset
from model.hypervisor.windows import Window
from model.profiles import POWERVM_DEDICATED, RESET_TOKEN, DirtyRemoval
from model.types import GIB, Liobn, PageShift, WindowShift
from model.words import word
from proofs.case import Claim, assumption, negate
from proofs.facts import HALF_OF_THE_BUS
from proofs.obligation import Scope, obligation
from proofs.platform import PE, SISTER, PlatformCase, Windows

REMOVE = POWERVM_DEDICATED.tokens[2]


class GoingCase(PlatformCase):
    """A PE with or without its default window and with up to two others, and a neighbour with a created one alone.

    Tables may hold valid TCEs, and the platform may refuse to drop them or not (A8).
    """

    def declare(self) -> None:
        """Declare which windows there are, and a LIOBN that a call names."""
        self.refuses = self.may_refuse()
        choice = DirtyRemoval.REFUSE if self.refuses else DirtyRemoval.DROP
        self.profile = replace(POWERVM_DEDICATED, choices=replace(POWERVM_DEDICATED.choices, dirty_removal=choice))
        self.named = self.word("named")
        self.has_default, self.has_one, self.has_two = (
            bool(self.flag(name)) for name in ("has_default", "has_one", "has_two")
        )

    def may_refuse(self) -> bool:
        """Whether the platform keeps a table that holds valid TCEs: either."""
        return bool(self.flag("refuses"))

    def put_windows(self, papr: Any) -> Any:
        """Give a platform its windows; the endpoint of the PE."""
        endpoint, sister = papr.endpoints[PE], papr.endpoints[SISTER]
        self.default, self.others = self.window("default", endpoint.default), [self.window("one"), self.window("two")]
        self.sisters = [self.window("sister")]
        there = zip((self.default, *self.others), (self.has_default, self.has_one, self.has_two), strict=True)
        self.there = [window for window, is_there in there if is_there]
        endpoint.windows, sister.windows = Windows(self.there), Windows(self.sisters)
        return endpoint

    @assumption
    def liobns_differ(self) -> Any:
        """No two windows have the same LIOBN, and a created one none of a default window."""
        one, two, sister = (self.word(f"{name}_liobn") for name in ("one", "two", "sister"))
        default = self.profile.first_liobn
        return negate(
            (one == two) | (one == sister) | (two == sister) | (one == default) | (two == default) | (sister == default)
        )

    def unchanged(self, papr: Any) -> bool:
        """Whether both PEs have the windows that they had, and no others."""
        return self.same(papr, PE, self.there) and self.same(papr, SISTER, self.sisters)

    def same(self, papr: Any, pe: Any, windows: list[Any]) -> bool:
        """Whether a PE has those very windows."""
        held = list(papr.endpoints[pe].windows.values())
        return len(held) == len(windows) and all(a is b for a, b in zip(held, windows, strict=True))


class DroppingCase(GoingCase):
    """The same on a platform that drops what a table holds."""

    def may_refuse(self) -> bool:
        """Never."""
        return False


def default_stays_away(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: what was removed is gone for good."""
    papr.default_comes_back = lambda endpoint, removed: False
    return remove.remove_pe_dma_window(papr, call)


def default_always_back(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: the default window comes back when it was itself removed."""
    papr.default_comes_back = lambda endpoint, removed: not endpoint.windows
    return remove.remove_pe_dma_window(papr, call)


def default_back_at_once(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: the default window comes back though another one is left, which goes with it."""
    papr.default_comes_back = lambda endpoint, removed: removed != endpoint.default.liobn
    return remove.remove_pe_dma_window(papr, call)


@obligation(
    supports="enable-fails-clean",
    about=remove.remove_pe_dma_window,
    mutant=(default_stays_away, default_always_back, default_back_at_once),
    scope=Scope.SEQUENCES,
)
def the_default_comes_back_just_when_the_last_other_window_goes(c: DroppingCase) -> Claim:
    """After any remove there is a default window exactly if it stayed, or if the last window went and was not it."""
    papr = c.papr("remove_pe_dma_window")
    endpoint = c.put_windows(papr)
    answer = papr.rtas(RtasCall(REMOVE, (c.named,), 1))
    if answer.status is not RtasStatus.SUCCESS or c.named == c.sisters[0].liobn:
        same = endpoint.has_default == c.has_default
        return c.claim(assume=[c.liobns_differ], cover={"none of its windows went": True}, goal=same)
    is_default = bool(c.named == c.default.liobn)
    last = not is_default and len(c.there) == 1
    left = len(c.there) - 1
    return c.claim(
        assume=[c.liobns_differ],
        cover={"comes back": last, "all gone": is_default and not left, "stays": c.has_default and not is_default},
        goal=endpoint.has_default == (last or (c.has_default and not is_default))
        and len(endpoint.windows) == (1 if last else left),
    )


def removed_all_the_same(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: says no, and the window is gone."""
    answer = remove.remove_pe_dma_window(papr, call)
    if answer.status is not RtasStatus.SUCCESS and (endpoint := papr.owner_of(call.args[0])) is not None:
        del endpoint.windows[call.args[0]]
    return answer


def first_window_goes(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: removes the first window of the PE, whichever was named."""
    endpoint = papr.owner_of(call.args[0])
    return remove.remove_pe_dma_window(
        papr, RtasCall(call.token, (next(iter(endpoint.windows)),), 1) if endpoint else call
    )


@obligation(
    supports="window-empty-at-removal",
    about=remove.remove_pe_dma_window,
    mutant=(removed_all_the_same, first_window_goes),
    scope=Scope.SEQUENCES,
)
def a_remove_that_fails_changes_nothing(c: GoingCase) -> Claim:
    """A remove that fails leaves every window of every PE; one that succeeds takes the named window and no other PE's."""
    papr = c.papr("remove_pe_dma_window")
    c.put_windows(papr)
    answer = papr.rtas(RtasCall(REMOVE, (c.named,), 1))
    if answer.status is not RtasStatus.SUCCESS:
        dirty = c.refuses and any(bool(window.liobn == c.named) for window in (*c.there, *c.sisters))
        return c.claim(assume=[], cover={"no such window": not dirty, "valid TCEs": dirty}, goal=c.unchanged(papr))
    hers = bool(c.named == c.sisters[0].liobn)
    kept = c.same(papr, PE, c.there) if hers else c.same(papr, SISTER, c.sisters)
    gone = all(bool(window.liobn != c.named) for e in papr.endpoints.values() for window in e.windows.values())
    return c.claim(assume=[c.liobns_differ], cover={"hers": hers, "its own": not hers}, goal=kept and gone)


def reset_all_the_same(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: says no, and the windows are as at boot."""
    answer = reset.reset_pe_dma_windows(papr, call)
    if answer.status is not RtasStatus.SUCCESS:
        papr.endpoint_of(call.args).restore()
    return answer


def created_windows_stay(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: the default window comes back, the others stay."""
    endpoint = papr.endpoint_of(call.args)
    kept = [window for window in endpoint.windows.values() if window.liobn != endpoint.default.liobn]
    answer = reset.reset_pe_dma_windows(papr, call)
    if answer.status is RtasStatus.SUCCESS:
        endpoint.windows = Windows([*endpoint.windows.values(), *kept])
    return answer


def neighbour_too(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: resets every PE of the PHB."""
    answer = reset.reset_pe_dma_windows(papr, call)
    if answer.status is RtasStatus.SUCCESS:
        papr.endpoints[SISTER].restore()
    return answer


@obligation(
    supports="enable-fails-clean",
    about=reset.reset_pe_dma_windows,
    mutant=(reset_all_the_same, created_windows_stay, neighbour_too),
    scope=Scope.SEQUENCES,
)
def a_reset_leaves_the_default_window_alone_or_changes_nothing(c: GoingCase) -> Claim:
    """After a reset the PE has its default window and no other; one that fails changes nothing; no other PE is touched."""
    papr = c.papr("reset_pe_dma_windows")
    endpoint = c.put_windows(papr)
    answer = papr.rtas(RtasCall(RESET_TOKEN, PE.cells, 1))
    if answer.status is not RtasStatus.SUCCESS:
        return c.claim(assume=[], cover={"valid TCEs": c.refuses}, goal=c.unchanged(papr))
    return c.claim(
        assume=[],
        cover={"two created windows": c.has_one and c.has_two, "nothing was there": not c.there},
        goal=len(endpoint.windows) == 1 and endpoint.has_default and c.same(papr, SISTER, c.sisters),
    )


class CreateCase(PlatformCase):
    """A PE that may have one more window or not, and a create with any arguments, wherever there is room for it."""

    def declare(self) -> None:
        """Declare what create is asked for, the place that is found, if any, and whether the PE has its windows already."""
        self.asked, self.base = (self.word("page_shift"), self.word("window_shift")), self.word("base")
        self.is_full, self.has_room = bool(self.flag("is_full")), bool(self.flag("has_room"))

    @assumption
    def place_is_on_the_bus(self) -> Any:
        """What is found begins below 2^63."""
        return self.base < HALF_OF_THE_BUS

    def put_windows(self, papr: Any) -> Any:
        """Give a platform its windows and the place for another; the endpoint of the PE."""
        papr.place = lambda endpoint, page_shift, window_shift: self.base if self.has_room else None
        endpoint = papr.endpoints[PE]
        self.there = [*endpoint.windows.values(), *([self.window("one")] if self.is_full else [])]
        endpoint.windows = Windows(self.there)
        return endpoint

    def create(self, papr: Any) -> RtasAnswer:
        """Make the call."""
        answer = papr.rtas(RtasCall(POWERVM_DEDICATED.tokens[1], (*PE.cells, *self.asked), 4))
        assert isinstance(answer, RtasAnswer)
        return answer


def create_then_fail(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: a window stays though the answer is an error."""
    answer = create.create_pe_dma_window(papr, call)
    return papr.failed(RtasStatus.HARDWARE, call.nret) if answer.status is RtasStatus.SUCCESS else answer


def count_is_not_looked_at(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: as many windows as anyone likes."""
    papr.windows_available = lambda endpoint: 1
    return create.create_pe_dma_window(papr, call)


def block_is_not_looked_at(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: any size below the end of the bus."""
    papr.fits_block = lambda page_shift, window_shift, block: window_shift < 62
    return create.create_pe_dma_window(papr, call)


@obligation(
    supports="regions-inside-window",
    about=create.create_pe_dma_window,
    mutant=(create_then_fail, count_is_not_looked_at, block_is_not_looked_at),
    scope=Scope.SEQUENCES,
)
def a_create_makes_just_the_window_asked_for_or_none(c: CreateCase) -> Claim:
    """A create that fails adds no window; else there is one more, as asked for, within the block and the number allowed."""
    papr = c.papr("create_pe_dma_window")
    endpoint = c.put_windows(papr)
    answer = c.create(papr)
    held = list(endpoint.windows.values())
    if answer.status is not RtasStatus.SUCCESS:
        kept = len(held) == len(c.there) and len(papr.windows(SISTER)) == 1
        why = {"too many": c.is_full, "no room": not c.has_room, "no such size": c.has_room and not c.is_full}
        return c.claim(assume=[c.place_is_on_the_bus], cover=why, goal=kept)
    made = held[-1]
    tces = word(1) << (made.window_shift - made.page_shift)
    fits = (tces <= POWERVM_DEDICATED.block) & (len(held) <= POWERVM_DEDICATED.windows)
    told = (answer.outputs[0] == made.liobn) & ((answer.outputs[1] << 32) | answer.outputs[2] == made.base)
    return c.claim(
        assume=[c.place_is_on_the_bus],
        cover={"all of the block": tces == POWERVM_DEDICATED.block, "one TCE": tces == 1},
        goal=fits & told & (made.page_shift == c.asked[0]) & (made.size == word(1) << c.asked[1]),
    )


class PlacesCase(PlatformCase):
    """A PE and its neighbour with a window of 1 GiB each, anywhere, and a create of another in 64 KB pages."""

    asked = (16, 30)

    def declare(self) -> None:
        """Declare where the windows are."""
        self.bases = [self.word("one_base"), self.word("sister_base")]

    @assumption
    def windows_are_low(self) -> Any:
        """The windows that are there begin below 2^63."""
        return (self.bases[0] < HALF_OF_THE_BUS) & (self.bases[1] < HALF_OF_THE_BUS)

    def put_windows(self, papr: Any) -> Any:
        """Give a platform its windows; the endpoint of the PE."""
        self.ours, self.hers = (Window(Liobn(0), base, PageShift(12), WindowShift(30), GIB) for base in self.bases)
        papr.endpoints[PE].windows, papr.endpoints[SISTER].windows = Windows([self.ours]), Windows([self.hers])
        return papr.endpoints[PE]


def neighbours_are_not_looked_at(papr: Any, call: RtasCall) -> RtasAnswer:
    """Wrong: keeps clear of the PE's own windows alone."""
    hers, papr.endpoints[SISTER].windows = papr.endpoints[SISTER].windows, {}
    answer = create.create_pe_dma_window(papr, call)
    papr.endpoints[SISTER].windows = hers
    return answer


@obligation(
    supports="mappings-disjoint",
    about=create.create_pe_dma_window,
    mutant=neighbours_are_not_looked_at,
    scope=Scope.BOUNDED,
)
def a_created_window_is_clear_of_its_own_and_other_pes(c: PlacesCase) -> Claim:
    """A window that create makes shares no bus address with one of its PE or of another (bounded: one each, 1 GiB)."""
    papr = c.papr("create_pe_dma_window")
    endpoint = c.put_windows(papr)
    papr.rtas(RtasCall(POWERVM_DEDICATED.tokens[1], (*PE.cells, *c.asked), 4))
    made = list(endpoint.windows.values())[-1].span
    clear = True
    for other in (c.ours.span, c.hers.span):
        clear = clear & ((made.stop <= other.start) | (other.stop <= made.start))
    return c.claim(assume=[c.windows_are_low], cover={"behind hers": made.start == c.hers.span.stop}, goal=clear)
