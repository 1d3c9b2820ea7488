# SPDX-License-Identifier: GPL-2.0-or-later
"""A platform that answers what a log says, and the model's kernel run on it: what would it have done?

Nothing is decided here: `Kernel` (or a release of it) makes its own calls, and the script answers them.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from model.calls import (
    Hcall,
    HcallAnswer,
    HcallStatus,
    PutTce,
    PutTceIndirect,
    RtasAnswer,
    RtasCall,
    RtasStatus,
    StuffTce,
    TceRun,
)
from model.guest.enable import Outcome
from model.guest.kernel import Kernel
from model.guest.windows import DmaWindow
from model.interfaces import Crash, DdwProperties, DefaultWindow
from model.locks import Lock
from model.profiles import Lpar
from model.types import GIB, MIB, BusAddress, Direction, DmaMask, Liobn, Pe, PhysAddr, Span
from model.words import WordError, word

QUERY, CREATE, REMOVE, RESET = 1, 2, 3, 4
_PE = Pe(0, 0)
_RAM = Span(PhysAddr(0), PhysAddr(16 * MIB))
_VPMEM = Span(PhysAddr(1 << 60), PhysAddr((1 << 60) + GIB))
_DEFAULT = DefaultWindow(Liobn(1), Span(BusAddress(0), BusAddress(2 * GIB)))


@dataclass(frozen=True, slots=True)
class Offer:
    """What query answers."""

    status: int
    block: int
    pages: int
    windows: int


@dataclass(frozen=True, slots=True)
class Made:
    """What create answers, to which page and window shift; `shifts` None: to any."""

    status: int
    liobn: int
    base: int
    shifts: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """The answers in the order of the calls, and what else the log says of the state of things.

    create None: the script stops there. resets, removes: statuses; SUCCESS after the last. limited: the extension is
    there. in_use: the default window has a mapping. premap_fails: so do the hypercalls after create. calls: how often
    the driver sets its mask.
    """

    queries: tuple[Offer, ...]
    create: Made | None
    resets: tuple[int, ...] = ()
    removes: tuple[int, ...] = ()
    limited: bool = True
    in_use: bool = False
    premap_fails: bool = False
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """What the log does not say, as one of the ways it could have been."""

    hotplug_max: int
    vpmem: bool
    mask: int
    platform: Platform


@dataclass(frozen=True, slots=True)
class Result:
    """What the kernel did. outcome None: it asked for something the script has no answer to.

    asked: page and window shift of create. ram: log2 of the RAM maximum. direct: whether all RAM is said to be mapped,
    after each call of the driver.
    """

    outcome: Outcome | None
    asked: tuple[int, int] | None
    ram: int
    largest: int
    direct: tuple[bool, ...]
    window: DmaWindow | None
    crash: str | None = None


class _Stop(Exception):
    """The script has no answer to this call."""


@dataclass(slots=True)
class _Port:
    """The platform's side of the boundary. booting: queries are those of later releases at attach, not the log's."""

    platform: Platform
    booting: bool = True
    queries: int = 0
    resets: int = 0
    removes: int = 0
    asked: tuple[int, int] | None = None
    created: int = 0

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """The log's answer."""
        platform = self.platform
        if call.token == QUERY:
            if self.booting:
                return RtasAnswer(RtasStatus.HARDWARE, (0,) * (call.nret - 1))
            if self.queries == len(platform.queries):
                raise _Stop
            offer = platform.queries[self.queries]
            self.queries += 1
            cells = (offer.windows, offer.block >> 32, offer.block & 0xFFFFFFFF, offer.pages, 0)
            return RtasAnswer(RtasStatus(offer.status), cells)
        if call.token == CREATE:
            return self._create(call)
        logged = platform.removes if call.token == REMOVE else platform.resets
        turn = self.removes if call.token == REMOVE else self.resets
        self.removes += call.token == REMOVE
        self.resets += call.token == RESET
        return RtasAnswer(RtasStatus(logged[turn]) if turn < len(logged) else RtasStatus.SUCCESS)

    def locked(self, lock: Lock) -> AbstractContextManager[None]:
        """Nobody else runs."""
        return nullcontext()

    def _create(self, call: RtasCall) -> RtasAnswer:
        made = self.platform.create
        self.asked = (call.args[3], call.args[4])
        if made is None or made.shifts not in (None, self.asked):
            raise _Stop
        self.created += 1
        return RtasAnswer(RtasStatus(made.status), (made.liobn, made.base >> 32, made.base & 0xFFFFFFFF))

    def hcall(self, call: Hcall) -> HcallAnswer:
        """Success, or the failure of the pre-map that the log reports."""
        sets = isinstance(call, PutTce | PutTceIndirect) or (isinstance(call, TceRun) and call.kind is not StuffTce)
        if self.platform.premap_fails and self.created and sets:
            return HcallAnswer(HcallStatus.HARDWARE)
        return HcallAnswer(HcallStatus.SUCCESS, done=len(call) if isinstance(call, TceRun) else 0)

    @property
    def watched(self) -> bool:
        """There is one CPU."""
        return False

    def allocate(self, what: str, sleeps: bool = False) -> bool:
        """There is memory."""
        return True


@dataclass(slots=True)
class _Heard:
    """The branches that the kernel says it took."""

    branches: list[str] = field(default_factory=list)

    def outcome(self) -> Outcome | None:
        """How its first try ended."""
        ended = (branch.removeprefix("enable: ") for branch in self.branches if branch.startswith("enable: "))
        return next((Outcome(text) for text in ended), None)


def run(side: type[Kernel], case: Case) -> Result:
    """What a kernel of these rules does in that case."""
    rules: Any = side  # mypy holds that a class cannot be hashed
    return _run(rules, case)


@lru_cache(maxsize=1 << 16)
def _run(side: Any, case: Case) -> Result:
    """Boot the kernel, let a driver set its mask, and look."""
    port, heard = _Port(case.platform), _Heard()
    vpmem = (_VPMEM,) if case.vpmem else ()
    lpar = Lpar((_RAM,), (0,), PhysAddr(case.hotplug_max), vpmem, tuple(range(len(vpmem))))
    kernel = side(lpar, port, heard.branches.append)
    direct: list[bool] = []
    crash = None
    ram, largest = _sizes(kernel, case)
    try:
        extensions = (3, RESET, 1, 1) if case.platform.limited else (2, RESET, 1)
        kernel.attach(0, DdwProperties(_PE, _DEFAULT, (QUERY, CREATE, REMOVE), extensions, None))
        port.booting = False
        if case.platform.in_use:
            kernel.map_page(0, _RAM, Direction.BIDIRECTIONAL, 0)
        for _ in range(case.platform.calls):
            direct.append(_maps_directly(kernel, DmaMask(case.mask)))
    except _Stop:
        pass
    except (Crash, WordError) as reason:
        crash = str(reason)
    window = kernel.devices[0].node.window if 0 in kernel.devices else None
    return Result(heard.outcome(), port.asked, ram, largest, tuple(direct), window, crash)


def _maps_directly(kernel: Any, mask: DmaMask) -> bool:
    """What enable_ddw() returns, and prints as "direct mapping"."""
    answer = kernel.set_dma_mask(0, mask)
    return bool(answer.bypass) or bool(kernel.direct_within(kernel.devices[0], mask))


def _sizes(kernel: Kernel, case: Case) -> tuple[int, int]:
    """log2 of the RAM maximum, and of the largest window that the last query allows, 0 where it allows none."""
    offer = case.platform.queries[-1]
    try:
        page_shift = kernel.largest_page_shift(word(offer.pages))
        largest = kernel.largest_window_shift(word(offer.block), page_shift, word(case.mask))
        return int(kernel.ram_shift(word(case.hotplug_max))), int(largest)
    except WordError:
        return 0, 0
