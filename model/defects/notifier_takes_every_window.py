# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory notifier takes every window for a direct one. Fixed by d61cd13e732c (6.5)."""

from dataclasses import replace
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import hotplug
from model.guest.windows import DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def every_window(kernel: "Kernel") -> list[DmaWindow]:
    """Linux before the fix: iommu_mem_notifier() walked its list without looking at dma_win::direct."""
    return [replace(window, direct_size=window.size) for window in kernel.windows]


DEFECT = Defect(
    id="notifier-takes-every-window",
    breaks="no-write-outside",
    replaces=hotplug.direct_windows,
    by=every_window,
    releases=("6.1",),
    commits="381ceda88c4c, fixed by d61cd13e732c",
    root_cause="A window with dynamic TCEs is on the same list; memory that comes online overwrites its entries, and memory "
    "that goes offline clears those of live mappings.",
)
