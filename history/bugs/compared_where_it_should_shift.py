# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that asks for its mask is told one of a single bit."""

from typing import TYPE_CHECKING

from history import Bug, trace
from model.defects import Defect
from model.events import AskMask
from model.guest import masks
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def one_less_than(kernel: "Kernel", device: int) -> DmaMask:
    """Linux before the fix: dma_iommu_get_required_mask() had `<` for `<<`, and counted I/O pages."""
    table = kernel.devices[device].table
    if table is None:
        return DmaMask(0)
    compared = int((table.offset + table.entries).bit_length() - 1 > 1)
    return DmaMask(compared + compared - 1)


BUG = Bug(
    title="powerpc/dma: Fix dma_map_ops::get_required_mask",
    date="2020-09-08",
    release="5.9",
    defect=Defect(
        id="compared-where-it-should-shift",
        breaks=None,
        replaces=masks.required_mask,
        by=one_less_than,
        commits="fixed by 437ef802e0ad",
        root_cause="The number of the table's last I/O page, without the shift that makes an address of it, was compared "
        "instead of shifted: drivers allocate in vain, or choose 32 bits.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB), AskMask(0)),
)
