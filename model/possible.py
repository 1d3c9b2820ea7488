# SPDX-License-Identifier: GPL-2.0-or-later
"""What platform, memory core and drivers keep to by themselves: which events can happen now, also in the middle of others."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from model.events import (
    ENDING,
    AddVpmem,
    AllocCoherent,
    AskMask,
    Attach,
    Beginning,
    CreateTable,
    Detach,
    EehReset,
    Ending,
    Event,
    FreeCoherent,
    Kdump,
    Kexec,
    Map,
    MapSg,
    MapUser,
    Offline,
    OfflineVpmem,
    Online,
    OnlineVpmem,
    Ownership,
    Reboot,
    ReleaseOwnership,
    RemoveVpmem,
    Replug,
    SetCoherentMask,
    SetMask,
    SetWindow,
    TakeOwnership,
    Unmap,
    UnmapSg,
    UnmapUser,
    UnsetWindow,
)
from model.types import BusAddress, DmaMask, PhysAddr, Span

if TYPE_CHECKING:
    from model.run import Run

BITS_32 = DmaMask((1 << 32) - 1)
"""A device's masks until its driver sets others. Linux: pci_setup_device()."""
MOST_TABLES = 2
"""Tables of a group. Linux: IOMMU_TABLE_GROUP_MAX_TABLES."""
ALONE = (Attach, Detach, Replug, EehReset, SetMask, SetCoherentMask, AskMask)
"""Events in which a driver or the device core does nothing else with the device."""
WHILE_DUMPING = (SetMask, SetCoherentMask, AskMask, Beginning, Ending, Replug, EehReset, Reboot)
"""What happens while a crashed kernel is dumped."""
BY_THE_HOST = (Attach, Detach, Replug, SetMask, SetCoherentMask, AskMask, Map, MapSg, AllocCoherent)
"""Events of the kernel's own drivers and of the device core, none of which happens to a PE that user space owns."""
MEMORY = (Online, Offline, OnlineVpmem, OfflineVpmem)
"""Events of which the memory core carries out one at a time."""


def is_possible(run: "Run", event: Event) -> bool:
    """Whether an event can happen now, by what there is and by what is under way on other CPUs."""
    return _can_be(run, event) and all(_can_meet(run, event, other) for other in run.ledger.under_way)


def _can_meet(run: "Run", event: Event, other: Event) -> bool:
    """Whether an event can come in the middle of another one."""
    if isinstance(event, Reboot | Kexec) or isinstance(other, Reboot | Kexec | Kdump):
        return False
    if isinstance(event, MEMORY) and isinstance(other, MEMORY):
        return False
    one, two = _device(run, event), _device(run, other)
    if one is not None and one == two and (isinstance(event, ALONE) or isinstance(other, ALONE)):
        return False
    if isinstance(event, Kdump) and isinstance(other, Ownership):
        return False
    of_the_pe = isinstance(event, EehReset | Detach | Ownership) or isinstance(other, Ownership)
    if of_the_pe and two is not None and one is not None and _same_pe(run, one, two):
        return False
    taken = other.memory if isinstance(other, MapSg) else (other.memory,) if isinstance(other, Beginning) else ()
    return not any(span.touches(memory) for span in taken for memory in _leaving(run, event))


def _device(run: "Run", event: Event) -> int | None:
    if isinstance(event, Ending):
        mapping = run.ledger.mappings.get(event.mapping)
        return mapping.device if mapping else None
    return getattr(event, "device", None)


def _same_pe(run: "Run", one: int, other: int) -> bool:
    return run.lpar.functions[one] == run.lpar.functions[other]


def _leaving(run: "Run", event: Event) -> Iterator[Span[PhysAddr]]:
    """Memory that an event takes away, or that must not be in use when it begins."""
    match event:
        case Offline(number):
            yield run.lpar.blocks[number]
        case Kdump(memory):
            yield memory
        case RemoveVpmem(number) | OnlineVpmem(number) | OfflineVpmem(number):
            yield run.lpar.vpmem[number]


def _can_be(run: "Run", event: Event) -> bool:  # noqa: PLR0912 one case an event
    """Whether there is what the event needs."""
    ledger, lpar = run.ledger, run.lpar
    there = getattr(event, "device", None) in run.attached
    if ledger.dump is not None and not isinstance(event, WHILE_DUMPING):
        return False
    if isinstance(event, Ownership | MapUser):
        return there and _may_user(run, event)
    if (
        isinstance(event, BY_THE_HOST)
        and 0 <= event.device < lpar.devices
        and lpar.functions[event.device] in ledger.owned
    ):
        return False
    match event:
        case Attach(device):
            return not there and 0 <= device < lpar.devices
        case Detach(device) | Replug(device):
            return there and not any(m.device == device for m in ledger.mappings.values())
        case SetMask(_, mask) | SetCoherentMask(_, mask):
            return there and 0 < mask < 1 << 64
        case AskMask() | EehReset():
            return there
        case Map(_, memory):
            return there and any(span.covers(memory) for span in (*ledger.online, *ledger.vpmem))
        case MapSg():
            return there and _is_scatterlist(run, event)
        case AllocCoherent():
            return there and _is_coherent(run, event)
        case Unmap(number) | UnmapSg(number) | FreeCoherent(number) | UnmapUser(number):
            mapping = ledger.mappings.get(number)
            live = mapping is not None and number not in ledger.ending
            return live and mapping is not None and ENDING[type(mapping.asked)] is type(event)
        case Online(number):
            known = 0 <= number < len(lpar.blocks)
            return known and not any(span.touches(lpar.blocks[number]) for span in ledger.online)
        case Offline(number):
            known = 0 <= number < len(lpar.blocks) and lpar.blocks[number] in ledger.online
            return known and not _in_use(run, lpar.blocks[number])
        case AddVpmem(number):
            return 0 <= number < len(lpar.vpmem) and lpar.vpmem[number] not in ledger.vpmem
        case RemoveVpmem(number) | OnlineVpmem(number):
            known = 0 <= number < len(lpar.vpmem) and lpar.vpmem[number] in ledger.vpmem
            return known and lpar.vpmem[number] not in ledger.online and not _in_use(run, lpar.vpmem[number])
        case OfflineVpmem(number):
            known = 0 <= number < len(lpar.vpmem) and lpar.vpmem[number] in ledger.online
            return known and not _in_use(run, lpar.vpmem[number])
        case Reboot() | Kexec():
            return not (ledger.mappings or ledger.owned)
        case Kdump(memory):
            page = 1 << lpar.page
            aligned = memory.size > 0 and memory.start % page == memory.stop % page == 0
            return (
                aligned and not ledger.owned and any(b.covers(memory) for b in _ram(run)) and not _in_use(run, memory)
            )


def _ram(run: "Run") -> list[Span[PhysAddr]]:
    """Online RAM that firmware gave as such."""
    return [block for block in run.ledger.online if block not in run.lpar.vpmem]


def _may_user(run: "Run", event: Ownership | MapUser) -> bool:
    """Whether user space can do that with a device that is there: what VFIO and the IOMMU core look at beforehand."""
    pe = run.lpar.functions[event.device]
    tables = run.ledger.owned.get(pe)
    if tables is None:
        mapped = any(run.lpar.functions[m.device] == pe for m in run.ledger.mappings.values())
        return isinstance(event, TakeOwnership) and not mapped
    match event:
        case CreateTable(_, number, page_shift, window_size, levels):
            free = [other for other in range(MOST_TABLES) if other not in tables]
            shape = 0 <= page_shift < 64 and 0 < window_size < 1 << 64 and levels > 0
            return number in free[:1] and shape
        case SetWindow(_, number, source):
            known = 0 <= source < run.lpar.devices
            return known and number in run.ledger.owned.get(run.lpar.functions[source], {})
        case UnsetWindow(_, number):
            return number in tables
        case MapUser(_, number, iova, memory):
            handle = Span(iova, BusAddress(iova + memory.size))
            exists = any(span.covers(memory) for span in (*run.ledger.online, *run.ledger.vpmem))
            fits = memory.size > 0 and iova >= 0 and handle.stop <= 1 << 64
            return tables.get(number, False) and exists and fits and not _is_taken(run, pe, handle)
        case ReleaseOwnership():
            return not tables
    return False


def _is_taken(run: "Run", pe: int, handle: Span[BusAddress]) -> bool:
    """Whether user space has something mapped at some of these bus addresses of a PE."""
    mine = (m for m in run.ledger.mappings.values() if run.lpar.functions[m.device] == pe)
    return any(segment.touches(handle) for m in mine for segment in m.segments)


def _in_use(run: "Run", memory: Span[PhysAddr]) -> bool:
    return any(element.touches(memory) for m in run.ledger.mappings.values() for element in m.elements)


def _is_scatterlist(run: "Run", event: MapSg) -> bool:
    """Whether a driver may hand over such a list: its elements exist and keep to the limits in memory already; they may be
    empty, but not all of them.
    """
    memory, boundary = (*run.ledger.online, *run.ledger.vpmem), event.boundary
    empty = not any(element.size for element in event.memory)
    if empty or not 0 < event.longest < 1 << 32 or boundary < 0xFFF or boundary & (boundary + 1):
        return False
    return all(
        0 <= element.size <= event.longest
        and (element.size == 0 or (element.start ^ (element.stop - 1)) & ~boundary == 0)
        and any(span.covers(element) and span.holds(element.start) for span in memory)
        for element in event.memory
    )


def _is_coherent(run: "Run", event: AllocCoherent) -> bool:
    """Whether the page allocator may give such memory, and the device may have such a mask."""
    ledger, page = run.ledger, run.lpar.page
    masks = (ledger.masks.get(event.device, BITS_32), ledger.coherent_masks.get(event.device, BITS_32), BITS_32)
    if event.mask not in masks:
        return False
    block = 1 << max(page, (event.memory.size - 1).bit_length() if event.memory.size else 0)
    whole = Span(event.memory.start, PhysAddr(event.memory.start + block))
    return whole.start % block == 0 and any(span.covers(whole) for span in ledger.online)
