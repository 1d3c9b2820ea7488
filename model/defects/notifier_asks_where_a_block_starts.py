# SPDX-License-Identifier: GPL-2.0-or-later
"""A block that begins below the announced maximum is pre-mapped whole, any other not at all."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.windows import DmaWindow
from model.types import PhysAddr, Span
from model.words import Word, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def all_or_nothing(kernel: "Kernel", window: DmaWindow, block: Span[PhysAddr]) -> tuple[Word, Word]:
    """Linux: iommu_mem_notifier() compares the start with ddw_memory_hotplug_max()."""
    stop = block.stop if block.start < kernel.hotplug_max() else block.start
    return word(block.start), word(stop)


DEFECT = Defect(
    id="notifier-asks-where-a-block-starts",
    breaks="ram-covered",
    replaces=enable.direct_part,
    by=all_or_nothing,
    releases=("6.12", "7.2", "7.3"),
    root_cause="A block that straddles the end of the direct part is written beyond it; one between the maximum and the "
    "end of the direct part is routed directly and mapped by nobody.",
)
