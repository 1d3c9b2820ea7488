# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces of findings that no baseline has by itself, since a survey seldom draws what they need. Each is short, on the C."""

from dataclasses import replace
from typing import NamedTuple

from model.events import (
    CreateTable,
    Detach,
    Event,
    Fault,
    Inside,
    Kdump,
    Kexec,
    Map,
    MapSg,
    MapUser,
    Online,
    ReleaseOwnership,
    SetMask,
    SetWindow,
    Step,
    TakeOwnership,
    Unmap,
    UnmapSg,
    UnsetWindow,
)
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, MultiTce, simple_lpar
from model.trace import Trace
from model.types import GIB, BusAddress, Direction, DmaMask, PhysAddr, Span


class ByHand(NamedTuple):
    """A trace, and the name of the finding that it shows."""

    name: str
    trace: Trace


OPEN = SetMask(0, DmaMask((1 << 64) - 1))
PAGES_16G = 1 << 7
"""In query's mask."""
HUGE = replace(POWERVM_SRIOV, pages=PAGES_16G, block=1 << 20)
BEYOND_A_PAGE = Span(PhysAddr(16 * GIB + 0x10000), PhysAddr(16 * GIB + 0x20000))
FIRST = Span(PhysAddr(0), PhysAddr(0x10000))
NO_TABLE = Fault("allocate table", 0, 0)
CREATE_FAILS, RESET_FAILS, PUT_FAILS = Fault("create", 0, -1), Fault("reset", 0, -1), Fault("H_PUT_TCE", 0, -1)

ROUTE = "route-agrees: map set TCEs for this handle, unmap took it for a direct one (Unmap)"
OVERSIZE = "regions-inside-window: create asks for more TCEs than query offered (SetMask)"
WITH_VPMEM = simple_lpar(4 * GIB, vpmem=GIB)
VPMEM = WITH_VPMEM.vpmem[0].start
LOW = replace(POWERVM_SRIOV, pages=1 << 1, block=1 << 20, dma64=BusAddress(0x80000000))
"""A dynamic window that begins where 32-bit MMIO does."""

EMPTY_FIRST = MapSg(0, (Span(PhysAddr(0), PhysAddr(0)), FIRST), Direction.TO_DEVICE, 1 << 16, (1 << 32) - 1)
"""A scatterlist whose first element is empty."""
LISTED_LATE = replace(simple_lpar(4 * GIB), online=(1,))
"""Its first block comes while a window is opened."""

TWO_FUNCTIONS = replace(simple_lpar(4 * GIB), functions=(0, 0))
FULL = replace(simple_lpar(16 * GIB), online=(0, 1))
"""RAM that fills a window of 1024 I/O pages."""
TAKE, BACK = TakeOwnership(0), ReleaseOwnership(0)
OWN_WINDOW = CreateTable(0, 0, 16, 4 * GIB)
BY_USER = MapUser(0, 0, BusAddress(1 << 59), Span(PhysAddr(0x10000), PhysAddr(0x20000)), Direction.FROM_DEVICE)


def meanwhile(event: Event, after: int, other: Event) -> Step:
    """An event with another CPU's in the middle."""
    return Step(event, inside=(Inside(after, Step(other)),))


BY_HAND = {
    "F1": ByHand(
        ROUTE,
        Trace(POWERVM_SRIOV, WITH_VPMEM,
              (Step(OPEN), Step(Map(0, Span(VPMEM, PhysAddr(VPMEM + 0x10000)), Direction.TO_DEVICE)), Step(Unmap(0)))),
    ),
    "F8": ByHand(
        OVERSIZE,
        Trace(HUGE, simple_lpar(8 * GIB), (Step(OPEN),)),
    ),
    "F9": ByHand(
        OVERSIZE,
        Trace(replace(POWERVM_DEDICATED, block=0x30000), simple_lpar(512 * GIB), (Step(OPEN),)),
    ),
    "F13": ByHand(
        "handle-in-mask: the handle is in a page of N-bit MMIO (Map)",
        Trace(LOW, simple_lpar(128 * GIB), (Step(OPEN), Step(Map(0, FIRST, Direction.TO_DEVICE)))),
    ),
    "F12": ByHand(
        "mapping-translates: handle N does not reach memory at N (Map)",
        Trace(replace(HUGE, block=16), simple_lpar(1024 * GIB),
              (Step(OPEN), Step(Map(0, BEYOND_A_PAGE, Direction.TO_DEVICE)))),
    ),
    "F37": ByHand(
        "ram-covered: bus address N does not reach online RAM at N (SetMask)",
        Trace(POWERVM_DEDICATED, replace(simple_lpar(4 * GIB), multi_tce=MultiTce.NONE), (Step(OPEN, (PUT_FAILS,)),)),
    ),
    "F38": ByHand(
        "no-dead-liobn: the device keeps a table of a window that is gone (SetMask)",
        Trace(POWERVM_SRIOV, simple_lpar(4 * GIB), (Step(OPEN, (CREATE_FAILS, RESET_FAILS)),)),
    ),
    "F45": ByHand(
        "ram-covered: bus address N does not reach online RAM at N (SetMask)",
        Trace(POWERVM_DEDICATED, LISTED_LATE, (meanwhile(OPEN, 7, Online(0)),)),
    ),
    "F62": ByHand(
        "regions-inside-window: the guest uses a window that does not exist (ReleaseOwnership)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB),
              (Step(TakeOwnership(0)), Step(ReleaseOwnership(0), (NO_TABLE,)), Step(TakeOwnership(0)),
               Step(CreateTable(0, 0, 12, 2 * GIB)), Step(SetWindow(0, 0, 0)), Step(UnsetWindow(0, 0)),
               Step(ReleaseOwnership(0)))),
    ),
    "F61": ByHand(
        "guest-crash: Segmentation fault at a NULL pointer in iommu_table_in_use() iommu.c:N (SetMask)",
        Trace(POWERVM_SRIOV, simple_lpar(4 * GIB),
              (Step(TakeOwnership(0)), Step(ReleaseOwnership(0), (NO_TABLE,)), Step(OPEN))),
    ),
    "F59": ByHand(
        "unmap-releases: TCE N is valid but belongs to no live mapping (UnmapSg)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(EMPTY_FIRST), Step(UnmapSg(0)))),
    ),
    "F60": ByHand(
        "unmap-releases: TCE N is valid but belongs to no live mapping (Map)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB),
              (Step(Map(0, Span(PhysAddr(0x1234), PhysAddr(0x1234)), Direction.TO_DEVICE)),)),
    ),
    "F46": ByHand(
        "window-empty-at-removal: remove of a window that still maps memory (Detach)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(OPEN), meanwhile(Detach(0), 4, Online(1)))),
    ),
    "F49": ByHand(
        "limit-matches-split: memory at N is routed directly but not pre-mapped (ReleaseOwnership)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(OPEN), Step(TAKE), Step(BACK))),
    ),
    "F50": ByHand(
        "detach-leaves-nothing: function N keeps what was before (ReleaseOwnership)",
        Trace(POWERVM_DEDICATED, TWO_FUNCTIONS, (Step(TAKE), Step(BACK))),
    ),
    "F51": ByHand(
        "enable-fails-clean: a table that could not be created left something behind (CreateTable)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(TAKE), Step(OWN_WINDOW, (CREATE_FAILS,)))),
    ),
    "F52": ByHand(
        "guest-crash: NULL dereference of it_userspace in tce_iommu_build_v2() at ownership.c:N (MapUser)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB),
              (Step(TAKE), Step(OWN_WINDOW, (Fault("allocate userspace-view", 0, 0),)), Step(SetWindow(0, 0, 0)),
               Step(BY_USER))),
    ),
    "F53": ByHand(
        "guest-crash: WARN at arch/powerpc/platforms/pseries/iommu.c:N (TakeOwnership)",
        Trace(POWERVM_SRIOV, TWO_FUNCTIONS, (Step(TAKE),)),
    ),
    "F54": ByHand(
        "guest-crash: WARN at arch/powerpc/platforms/pseries/iommu.c:N (CreateTable)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(TAKE), Step(CreateTable(0, 0, 12, 2048)))),
    ),
    "F55": ByHand(
        "kexec-keeps-running: TCE N of the kernel before still grants access (Kexec)",
        Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(OPEN), Step(Kexec()))),
    ),
    "F56": ByHand(
        "kexec-keeps-running: no window has room for a dump (Kdump)",
        Trace(replace(POWERVM_SRIOV, pages=1 << 2), FULL,
              (Step(OPEN), Step(Kdump(Span(PhysAddr(64 << 20), PhysAddr(128 << 20)))))),
    ),
    "F57": ByHand(
        "guest-crash: WARN at arch/powerpc/kernel/iommu.c:N (SetMask)",
        Trace(replace(HUGE, block=1), simple_lpar(8 * GIB, vpmem=GIB), (Step(OPEN),)),
    ),
    "F58": ByHand(
        "ram-covered: bus address N does not reach online RAM at N (Kexec)",
        Trace(POWERVM_SRIOV, simple_lpar(4 * GIB), (Step(OPEN), Step(Kexec()))),
    ),
}  # fmt: skip
"""By the entry of FINDINGS.md."""
