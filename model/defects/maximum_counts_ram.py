# SPDX-License-Identifier: GPL-2.0-or-later
"""RAM that is there raises the maximum that the platform announced."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.types import PhysAddr

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def announced_or_there(kernel: "Kernel") -> PhysAddr:
    """Linux 6.1: memory_hotplug_max() is never below memblock_end_of_DRAM(); later releases ask the platform alone."""
    return max(kernel.announced_max, kernel.online[-1].stop if kernel.online else PhysAddr(0))


DEFECT = Defect(
    id="maximum-counts-ram",
    breaks=None,
    replaces=enable.hotplug_max,
    by=announced_or_there,
    releases=("6.1",),
    root_cause="None: it is the safer of the two, but a window that was planned before memory came is not planned anew.",
)
