# SPDX-License-Identifier: GPL-2.0-or-later
"""The same operations on two hypervisors: they must answer the same and let devices reach the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from model.calls import Hcall, HcallAnswer, RtasAnswer, RtasCall
from model.interfaces import Hypervisor, Reach, WindowView
from model.types import BusAddress, Pe, PhysAddr, Span


@dataclass(frozen=True, slots=True)
class Assign:
    """The partition gets memory."""

    span: Span[PhysAddr]


@dataclass(frozen=True, slots=True)
class Release:
    """The platform asks for memory back."""

    span: Span[PhysAddr]


@dataclass(frozen=True, slots=True)
class Isolate:
    """DR isolate of a PE."""

    pe: Pe


@dataclass(frozen=True, slots=True)
class Restart:
    """Partition reboot."""


@dataclass(frozen=True, slots=True)
class Reaches:
    """A device's access at a bus address."""

    pe: Pe
    address: BusAddress


Operation: TypeAlias = RtasCall | Hcall | Assign | Release | Isolate | Restart | Reaches
Answer: TypeAlias = RtasAnswer | HcallAnswer | Reach | bool | None


def carry_out(hypervisor: Hypervisor, operation: Operation) -> Answer:
    """One operation on one hypervisor."""
    match operation:
        case RtasCall():
            return hypervisor.rtas(operation)
        case Release(span):
            return hypervisor.release_memory(span)
        case Reaches(pe, address):
            return hypervisor.translate(pe, address)
        case Assign(span):
            hypervisor.assign_memory(span)
        case Isolate(pe):
            hypervisor.isolate(pe)
        case Restart():
            hypervisor.reboot()
        case _:
            return hypervisor.hcall(operation)
    return None


def entries(window: WindowView) -> dict[int, int]:
    """The TCEs of a window that are not 0, one by one."""
    runs = window.table.spans(0, window.span.size >> window.page_shift)
    return {run.start + k: run.tce + k * run.step for run in runs for k in range(run.stop - run.start)}


def state(hypervisor: Hypervisor, pes: Sequence[Pe]) -> list[tuple[object, ...]]:
    """Every window of every PE with its TCEs."""
    return [
        (pe, w.liobn, w.span, w.page_shift, w.window_shift, w.table.valid(), entries(w))
        for pe in pes
        for w in hypervisor.windows(pe)
    ]


def assert_same(left: Hypervisor, right: Hypervisor, pes: Sequence[Pe], operation: Operation) -> None:
    """Carry out one operation on both and compare answers and tables."""
    one, other = carry_out(left, operation), carry_out(right, operation)
    assert one == other, f"{operation}: {one} and {other}"
    assert state(left, pes) == state(right, pes), f"{operation}: same answer, different tables"
