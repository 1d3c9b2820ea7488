# SPDX-License-Identifier: GPL-2.0-or-later
"""What crosses between guest and hypervisor: RTAS calls and TCE hypercalls, with their status codes.

The values are LoPAR's: RTAS table 20, hypercalls table 184. Nothing here decides anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from model.types import BusAddress, Liobn, Span, Tce


class RtasStatus(IntEnum):
    """First output of every RTAS call. LoPAR table 20."""

    SUCCESS = 0
    HARDWARE = -1
    BUSY = -2
    PARAMETER = -3
    DELAY_1MS = 9900
    DELAY_10MS = 9901
    DELAY_100MS = 9902
    DELAY_1S = 9903
    DELAY_10S = 9904
    DELAY_100S = 9905


class HcallStatus(IntEnum):
    """R3 of every hypercall. LoPAR table 184."""

    SUCCESS = 0
    BUSY = 1
    PARTIAL = 5
    HARDWARE = -1
    FUNCTION = -2
    PARAMETER = -4
    RESOURCE = -16
    NOT_ENOUGH_RESOURCES = -44
    RESCINDED = -46
    P4 = -57


@dataclass(frozen=True, slots=True)
class RtasCall:
    """One RTAS call as it crosses: token and 32-bit argument cells; `nret` counts the outputs including status."""

    token: int
    args: tuple[int, ...]
    nret: int


@dataclass(frozen=True, slots=True)
class RtasAnswer:
    """Status and the further outputs; these mean something only on SUCCESS."""

    status: RtasStatus
    outputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GetTce:
    """H_GET_TCE, LoPAR 14.5.4.2."""

    liobn: Liobn
    ioba: BusAddress


@dataclass(frozen=True, slots=True)
class PutTce:
    """H_PUT_TCE, LoPAR 14.5.4.2."""

    liobn: Liobn
    ioba: BusAddress
    tce: Tce


@dataclass(frozen=True, slots=True)
class StuffTce:
    """H_STUFF_TCE: the same TCE `count` times, LoPAR 14.5.4.2."""

    liobn: Liobn
    ioba: BusAddress
    tce: Tce
    count: int


@dataclass(frozen=True, slots=True)
class PutTceIndirect:
    """H_PUT_TCE_INDIRECT: a list of TCEs, LoPAR 14.5.4.2. `list_addr` is where the list page lies."""

    liobn: Liobn
    ioba: BusAddress
    tces: Sequence[Tce]
    list_addr: int = 0

    @property
    def count(self) -> int:
        """Entries the call names."""
        return len(self.tces)


TceWrite: TypeAlias = PutTce | StuffTce | PutTceIndirect


@dataclass(frozen=True, slots=True)
class TceRun:
    """A loop of the same hypercall over neighbouring TCEs, as guests write it: one record instead of millions.

    Entry k is programmed at `ioba + k * stride` with `first + k * step`; each call takes `per_call` entries, the last
    one what is left. The loop ends at the first call that does not succeed. It means exactly what `calls()` means.
    """

    kind: type[TceWrite]
    liobn: Liobn
    ioba: BusAddress
    first: Tce
    step: int
    stride: int
    entries: int
    per_call: int

    def __len__(self) -> int:
        """Number of hypercalls."""
        return (self.entries + self.per_call - 1) // self.per_call

    def call(self, number: int) -> TceWrite:
        """The hypercall that the loop makes as its `number`th, from 0."""
        done = number * self.per_call
        count = min(self.per_call, self.entries - done)
        ioba = BusAddress(self.ioba + done * self.stride)
        first = Tce(self.first + done * self.step)
        if self.kind is PutTce:
            return PutTce(self.liobn, ioba, first)
        if self.kind is StuffTce:
            return StuffTce(self.liobn, ioba, first, count)
        return PutTceIndirect(self.liobn, ioba, tce_list(first, self.step, count))

    def calls(self) -> Iterator[TceWrite]:
        """The hypercalls one by one."""
        return (self.call(number) for number in range(len(self)))

    def prefix(self, calls: int) -> "TceRun":
        """The loop's first `calls` calls."""
        entries = min(self.entries, calls * self.per_call)
        return TceRun(self.kind, self.liobn, self.ioba, self.first, self.step, self.stride, entries, self.per_call)


@dataclass(frozen=True, slots=True)
class GetRun:
    """A loop of H_GET_TCE over neighbouring TCEs, entry k at `ioba + k * stride`. It ends at the first call that answers
    neither H_SUCCESS nor H_PARTIAL.
    """

    liobn: Liobn
    ioba: BusAddress
    stride: int
    entries: int

    def __len__(self) -> int:
        """Number of hypercalls."""
        return self.entries

    def prefix(self, calls: int) -> "GetRun":
        """The loop's first `calls` calls."""
        return GetRun(self.liobn, self.ioba, self.stride, min(self.entries, calls))

    def calls(self) -> Iterator[GetTce]:
        """The hypercalls one by one."""
        return (GetTce(self.liobn, BusAddress(self.ioba + k * self.stride)) for k in range(self.entries))


def tce_list(first: int, step: int, count: int) -> Sequence[Tce]:
    """The list of TCEs first, first + step, ...; a `range` where the step allows it, so that it costs no memory."""
    return range(first, first + step * count, step) if step else (Tce(first),) * count  # type: ignore[return-value]


Hcall: TypeAlias = GetTce | PutTce | StuffTce | PutTceIndirect | TceRun | GetRun
Read: TypeAlias = GetTce | GetRun
"""What changes no TCE."""


@dataclass(frozen=True, slots=True)
class HcallAnswer:
    """R3, for H_GET_TCE also R4, and for a loop how many of its calls succeeded.

    found: for a `GetRun` the TCEs that are not zero, as ranges of entries counted from its first.
    """

    status: HcallStatus
    tce: Tce = field(default=Tce(0))
    done: int = 0
    found: tuple[Span[int], ...] = ()
