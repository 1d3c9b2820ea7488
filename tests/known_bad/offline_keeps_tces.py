# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that went offline stays mapped."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import hotplug
from model.guest.windows import DmaWindow
from model.types import PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def do_nothing(kernel: "Kernel", window: DmaWindow, block: Span[PhysAddr]) -> bool:
    """Clear nothing."""
    return True


DEFECT = Defect(
    id="offline-keeps-tces",
    breaks="direct-maps-only-ram",
    replaces=hotplug.unmap_block,
    by=do_nothing,
    root_cause="A notifier without its MEM_OFFLINE case.",
)
