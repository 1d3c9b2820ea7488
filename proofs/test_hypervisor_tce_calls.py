# SPDX-License-Identifier: GPL-2.0-or-later
"""TCE hypercalls and translation, whole calls. Rules: `model.hypervisor.tce_calls`, `dma`."""

from typing import Any

from model.calls import HcallAnswer, HcallStatus, PutTce, StuffTce
from model.hypervisor import dma, tce_calls
from model.hypervisor.windows import Window
from model.interfaces import Reach
from model.types import ADDRESS, CONTROL
from model.words import umin, word
from proofs.case import Claim, assumption, negate
from proofs.facts import HALF_OF_THE_BUS
from proofs.obligation import Scope, obligation
from proofs.platform import PE, SISTER, PlatformCase, WatchedTable, Windows

MOST = 512
"""TCEs that one hypercall takes. LoPAR 14.5.4.2."""


class WindowCase(PlatformCase):
    """One window, anywhere, of I/O pages of 4 KB, 64 KB or 2 MB, and a hypercall with any operands."""

    def declare(self) -> None:
        """Declare the window, and what a call names."""
        self.base, self.pages, self.page_shift = (
            self.word("base"),
            self.word("pages"),
            self.choice("page_shift", (12, 16, 21)),
        )
        self.liobn, self.named = self.word("liobn"), self.word("named")
        self.tce, self.count, self.offset = self.word("tce"), self.word("count"), self.word("offset")
        self.is_below = bool(self.flag("is_below"))
        self.ioba = self.offset if self.is_below else self.base + self.offset

    @assumption
    def window_is_on_the_bus(self) -> Any:
        """The window begins below 2^63, and has no more bytes than that."""
        return (self.base < HALF_OF_THE_BUS) & (self.pages <= word(HALF_OF_THE_BUS >> 1) >> self.page_shift)

    @assumption
    def ioba_is_a_word(self) -> Any:
        """The IOBA is below the window, or less than 2^63 bytes behind its base."""
        return self.offset < (self.base if self.is_below else HALF_OF_THE_BUS)

    @assumption
    def count_is_checked(self) -> Any:
        """The caller has looked at the count: no more than 512."""
        return self.count <= MOST

    @assumption
    def tce_names_low_memory(self) -> Any:
        """The TCE names memory below 2^63."""
        return self.tce < 1 << 63

    def put_window(self, papr: Any) -> Any:
        """Give the platform its window, and none besides; its table. The partition owns what is mapped, or does not."""
        window = Window(self.liobn, self.base, self.page_shift, word(62), self.pages << self.page_shift)  # type: ignore[arg-type]
        window.table = WatchedTable(self.tce, self.flag("is_valid"))  # type: ignore[assignment]
        papr.endpoints[PE].windows, papr.endpoints[SISTER].windows = Windows([window]), Windows([])
        papr.first_refused = lambda *_: 0 if self.flag("is_foreign") else 1
        return window.table


def one_entry_more(papr: Any, window: Any, ioba: Any, count: Any) -> Any:
    """Wrong: what begins in the window may end an entry behind it."""
    if not window.span.holds(ioba):
        return False
    return window.index_of(ioba) + count <= window.entries + 1


def unaligned_is_taken(papr: Any, window: Any, ioba: Any, count: Any) -> Any:
    """Wrong: an IOBA inside an I/O page is taken for its start, on a platform that refuses it (A13)."""
    return window.span.holds(ioba) and window.index_of(ioba) + count <= window.entries


@obligation(
    supports="no-write-outside",
    about=tce_calls.entries_lie_in,
    mutant=(one_entry_more, unaligned_is_taken),
    scope=Scope.BOUNDED,
)
def entries_lie_in_a_window_just_if_all_their_bytes_do(c: WindowCase) -> Claim:
    """Up to 512 entries pass exactly if IOBA begins an I/O page of the window and the last ends in it (bounded: 3 sizes)."""
    papr = c.papr("entries_lie_in")
    c.put_window(papr)
    passes = papr.entries_lie_in(papr.windows(PE)[0], c.ioba, c.count)
    entry = c.offset >> c.page_shift
    room = c.pages - umin(c.pages, entry)
    wanted = (entry < c.pages) & (c.offset == entry << c.page_shift) & (c.count <= room) & (not c.is_below)
    return c.claim(
        assume=[c.window_is_on_the_bus, c.ioba_is_a_word, c.count_is_checked],
        cover={"to the last entry": wanted & (c.count == room), "one too many": negate(wanted) & (c.count == room + 1)},
        goal=passes == wanted,
    )


class CallCase(WindowCase):
    """The same, where it is known of the entries that a call names whether they lie in the window."""

    def put_window(self, papr: Any) -> Any:
        """Give the platform its window, and that knowledge."""
        papr.entries_lie_in = lambda window, ioba, count: self.flag("lies_inside") & (not self.is_below)
        return super().put_window(papr)


def written_then_refused(papr: Any, call: StuffTce) -> HcallAnswer:
    """Wrong: the TCEs are set although the call is refused."""
    window = papr.window(call.liobn)
    answer = tce_calls.h_stuff_tce(papr, call)
    if answer.status is not HcallStatus.SUCCESS and window is not None:
        window.table.fill(0, call.tce, 0, 1)
    return answer


def count_is_not_looked_at(papr: Any, call: StuffTce) -> HcallAnswer:
    """Wrong: as many entries as anyone likes."""
    window = papr.window(call.liobn)
    if window is None or not papr.entries_lie_in(window, call.ioba, 0) or papr.first_refused() == 0:
        return HcallAnswer(HcallStatus.PARAMETER)
    window.table.fill(window.index_of(call.ioba), call.tce, 0, call.count)
    return HcallAnswer(HcallStatus.SUCCESS, done=1)


def one_entry_late(papr: Any, call: StuffTce) -> HcallAnswer:
    """Wrong: begins with the entry behind the one that IOBA names."""
    window = papr.window(call.liobn)
    answer = tce_calls.h_stuff_tce(papr, call)
    if answer.status is HcallStatus.SUCCESS:
        (start, count), *_ = window.table.written
        window.table.written[:] = [(start + 1, count)]
    return answer


@obligation(
    supports="no-write-outside",
    about=tce_calls.h_stuff_tce,
    mutant=(written_then_refused, count_is_not_looked_at, one_entry_late),
    scope=Scope.BOUNDED,
)
def a_stuff_writes_just_the_entries_named_or_none(c: CallCase) -> Claim:
    """H_STUFF_TCE writes at most 512 entries, those named, all of the window, or fails and writes none (bounded: 3 sizes)."""
    papr = c.papr("h_stuff_tce")
    table = c.put_window(papr)
    answer = papr.hcall(StuffTce(c.named, c.ioba, c.tce, c.count))
    return written_or_not(c, table, answer, c.count)


def any_liobn(papr: Any, call: PutTce) -> HcallAnswer:
    """Wrong: writes to the first window, whichever was named."""
    return tce_calls.h_put_tce(papr, PutTce(papr.windows(PE)[0].liobn, call.ioba, call.tce))


def ownership_is_not_looked_at(papr: Any, call: PutTce) -> HcallAnswer:
    """Wrong: maps memory of other partitions."""
    papr.first_refused = lambda *_: 1
    return tce_calls.h_put_tce(papr, call)


@obligation(
    supports="no-write-outside",
    about=tce_calls.h_put_tce,
    mutant=(any_liobn, ownership_is_not_looked_at),
    scope=Scope.BOUNDED,
)
def a_put_writes_just_the_entry_named_or_none(c: CallCase) -> Claim:
    """H_PUT_TCE writes the entry named, if its memory is the partition's, or fails and writes none (bounded: 3 sizes)."""
    papr = c.papr("h_put_tce")
    table = c.put_window(papr)
    answer = papr.hcall(PutTce(c.named, c.ioba, c.tce))
    return written_or_not(c, table, answer, word(1))


def written_or_not(c: CallCase, table: WatchedTable, answer: HcallAnswer, count: Any) -> Claim:
    """Whether just `count` entries from the IOBA on were written, or the call failed and none was."""
    assume, inside = [c.window_is_on_the_bus, c.ioba_is_a_word], c.flag("lies_inside") & (not c.is_below)
    if answer.status is not HcallStatus.SUCCESS:
        why = {"foreign memory": c.flag("is_foreign"), "another window": c.named != c.liobn, "outside": negate(inside)}
        return c.claim(assume=assume, cover=why, goal=not table.written)
    (start, number), *more = table.written
    allowed = inside & (c.named == c.liobn) & (number <= MOST) & negate(c.flag("is_foreign"))
    return c.claim(
        assume=assume,
        cover={"as many as may be": number == MOST} if count is c.count else {"one": True},
        goal=allowed & (start == c.offset >> c.page_shift) & (number == count) & (not more),
    )


def offset_in_4_kb(papr: Any, pe: Any, address: Any) -> Reach | None:
    """Wrong: passes on 12 bits of the bus address, whatever the I/O page. LoPAR spells out no more."""
    reach = dma.translate(papr, pe, address)
    tce = papr.windows(PE)[0].table.tce
    return reach and Reach((tce & ADDRESS) + (address & 0xFFF), reach.control)


def index_counts_from_zero(papr: Any, pe: Any, address: Any) -> Reach | None:
    """Wrong: takes the bus address for one in the window."""
    reach = dma.translate(papr, pe, address)
    papr.windows(PE)[0].table.read[:] = [address >> papr.windows(PE)[0].page_shift]
    return reach


def control_is_not_looked_at(papr: Any, pe: Any, address: Any) -> Reach | None:
    """Wrong: a TCE without access bits is as good as any."""
    window = papr.windows(PE)[0]
    if not window.span.holds(address):
        return None
    tce = window.table[window.index_of(address)]
    return Reach((tce & ADDRESS) + ((address - window.base) & ((1 << window.page_shift) - 1)), tce & CONTROL)


@obligation(
    supports="mapping-translates",
    about=dma.translate,
    mutant=(offset_in_4_kb, index_counts_from_zero, control_is_not_looked_at),
    scope=Scope.BOUNDED,
)
def a_byte_on_the_bus_is_a_byte_of_the_page_that_its_tce_names(c: WindowCase) -> Claim:
    """A device reaches, through the TCE of the I/O page, the byte as far into the memory as its address is into the page
    (bounded: 3 page sizes).
    """
    papr = c.papr("translate")
    table = c.put_window(papr)
    reach = papr.translate(PE, c.ioba)
    assume = [c.window_is_on_the_bus, c.ioba_is_a_word, c.tce_names_low_memory]
    if reach is None:
        beside = c.is_below | (c.offset >= c.pages << c.page_shift)
        return c.claim(assume=assume, cover={"a fault": negate(beside)}, goal=beside | (c.tce & CONTROL == 0))
    within = c.offset - umin(c.offset, table.read[-1] << c.page_shift)
    right = (table.read[-1] == c.offset >> c.page_shift) & (reach.memory == (c.tce & ADDRESS) + within)
    return c.claim(
        assume=assume,
        cover={"a byte behind the first 4 KB": within > 0xFFF},
        goal=right & (reach.control == c.tce & CONTROL) & (reach.control != 0) & (not c.is_below),
    )
