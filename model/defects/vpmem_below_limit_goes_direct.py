# SPDX-License-Identifier: GPL-2.0-or-later
"""vPMEM below the direct limit is routed to the direct part, where nothing maps it."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import mapping
from model.types import PhysAddr, Span
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_limit_alone(kernel: "Kernel", device: int, memory: Span[PhysAddr]) -> bool:
    """Linux: can_map_direct() compares with bus_dma_limit; it takes vPMEM to lie above all RAM there may ever be."""
    dev = kernel.devices[device]
    window = dev.window
    if window is None or window.direct_size == 0:
        return False
    return bool(
        kernel.map_is_direct(
            word(memory.start), word(memory.size), word(window.direct_size), word(window.base), word(dev.mask)
        )
    )


DEFECT = Defect(
    id="vpmem-below-limit-goes-direct",
    breaks="limit-matches-split",
    replaces=mapping.routes_directly,
    by=by_limit_alone,
    releases=("6.1", "6.12"),
    root_cause="Only RAM is pre-mapped, but routing looks at the address alone. Harmless as long as every platform puts "
    "vPMEM above ibm,lrdr-capacity rounded up to a power of two.",
)
