# SPDX-License-Identifier: GPL-2.0-or-later
"""A new window pre-maps RAM up to the announced maximum only, though more is routed directly."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.types import PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def below_maximum(kernel: "Kernel") -> list[Span[PhysAddr]]:
    """Linux: walk_system_ram_range(0, ddw_memory_hotplug_max() >> PAGE_SHIFT) in enable_ddw()."""
    end = kernel.hotplug_max() >> kernel.page_shift << kernel.page_shift
    return [Span(ram.start, PhysAddr(min(ram.stop, end))) for ram in kernel.online if ram.start < end]


DEFECT = Defect(
    id="enable-walks-to-the-maximum",
    breaks="ram-covered",
    replaces=enable.ram_at_enable,
    by=below_maximum,
    releases=("6.12", "7.2", "7.3"),
    root_cause="The limit of what is routed directly is the maximum rounded up to a power of two; RAM between the two is "
    "not mapped.",
)
