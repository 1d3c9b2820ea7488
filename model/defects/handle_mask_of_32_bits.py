# SPDX-License-Identifier: GPL-2.0-or-later
"""The I/O page mask is computed in an int: with 16 GiB pages the handle keeps all bits of the memory address."""

from model.defects import RELEASES, Defect
from model.guest import mapping
from model.types import BusAddress


def offset_by_int_mask(ioba: BusAddress, memory: int, page_shift: int) -> BusAddress:
    """Linux: IOMMU_PAGE_MASK() shifts the int 1; from 32 on POWER's slw gives 0, so every bit counts as offset."""
    if page_shift >= 32:
        return BusAddress(ioba | memory)
    return BusAddress(ioba + memory % (1 << page_shift))


DEFECT = Defect(
    id="handle-mask-of-32-bits",
    breaks="mapping-translates",
    replaces=mapping.handle_of,
    by=offset_by_int_mask,
    releases=RELEASES,
    root_cause="IOMMU_PAGE_MASK(tbl) is ~((1 << shift) - 1) with an int 1: undefined in C for shift 34. If POWER's shift "
    "gives 0, as is assumed here and not measured, a handle keeps all bits of the address, and the TCE is set for address 0; "
    "the model shows the handle's half.",
)
