# SPDX-License-Identifier: GPL-2.0-or-later
"""A mapping ends by the route that its handle would be given now, not by the one that it was given."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.defects.vpmem_below_limit_goes_direct import bypasses
from model.guest import mapping
from model.guest.windows import Device
from model.types import BusAddress, Span
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_bypass_and_limit(kernel: "Kernel", dev: Device, handle: Span[BusAddress]) -> bool:
    """Linux: dma_unmap_page_attrs() by dma_map_direct() and arch_dma_unmap_page_direct()."""
    if bypasses(kernel, dev, dev.mask):
        return True
    size = max(dev.limit - dev.offset, min(dev.limit, 1))
    return bool(kernel.unmap_is_direct(word(handle.stop), word(size), word(dev.offset)))


DEFECT = Defect(
    id="end-asks-todays-route",
    breaks=None,
    replaces=mapping.ends_directly,
    by=by_bypass_and_limit,
    releases=RELEASES,
    root_cause="dma_ops_bypass, the mask and the limit may have changed since the mapping was made: its entry and TCE "
    "then stay. Harmless where they do not change.",
)
