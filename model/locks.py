# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks by name: what keeps another CPU's event waiting. Names are Linux's."""

from typing import NewType

Lock = NewType("Lock", str)

INIT_MUTEX = Lock("dma_win_init_mutex")
"""Held while a window is opened: pseries/iommu.c."""
LIST_LOCK = Lock("dma_win_list_lock")
"""Held by whoever walks or changes the list of windows: pseries/iommu.c."""
HOTPLUG_LOCK = Lock("mem_hotplug_lock")
"""Held by the memory core while a block goes online or offline: mm/memory_hotplug.c; a reader takes get_online_mems()."""


def pool_lock(liobn: int) -> Lock:
    """What guards the map of a table: struct iommu_pool::lock, of all pools together."""
    return Lock(f"pools of {liobn:#x}")
