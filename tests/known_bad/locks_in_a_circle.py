# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory notifier waits for a window that is being opened, which waits for the notifier."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import hotplug
from model.locks import INIT_MUTEX
from model.types import PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def after_the_mutex(kernel: "Kernel", block: Span[PhysAddr]) -> bool:
    """The memory core holds mem_hotplug_lock here."""
    with kernel.port.locked(INIT_MUTEX):
        return hotplug.memory_going_online(kernel, block)


DEFECT = Defect(
    id="locks-in-a-circle",
    breaks="guest-crash",
    replaces=hotplug.memory_going_online,
    by=after_the_mutex,
    root_cause="dma_win_init_mutex taken inside mem_hotplug_lock, and the other way round.",
)
