# SPDX-License-Identifier: GPL-2.0-or-later
"""User space's window is removed while it maps memory."""

from history import Bug, trace
from model.defects.unset_before_clearing import DEFECT
from model.events import CreateTable, MapUser, SetWindow, TakeOwnership, UnsetWindow
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, BusAddress, Direction, PhysAddr, Span

BUG = Bug(
    title="vfio/spapr: Always clear TCEs before unsetting the window",
    date="2024-06",
    release="6.11",
    defect=DEFECT,
    trace=trace(
        POWERVM_DEDICATED,
        simple_lpar(GIB),
        TakeOwnership(0),
        CreateTable(0, 0, 16, GIB),
        SetWindow(0, 0, 0),
        MapUser(0, 0, BusAddress(1 << 59), Span(PhysAddr(0), PhysAddr(0x10000)), Direction.TO_DEVICE),
        UnsetWindow(0, 0),
    ),
)
