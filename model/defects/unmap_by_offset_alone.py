# SPDX-License-Identifier: GPL-2.0-or-later
"""Unmap takes every handle at or above dma_offset for a direct one, and so leaks each dynamic mapping of a split window."""

from typing import Any

from model.defects import RELEASES, Defect
from model.guest import routing
from model.words import Word


def at_or_above_offset(handle: Word, direct_end: Word, base: Word) -> Any:
    """Linux: is_direct_handle() in arch/powerpc/kernel/dma-iommu.c."""
    return (direct_end > 0) & (handle >= base)


DEFECT = Defect(
    id="unmap-by-offset-alone",
    breaks="route-agrees",
    replaces=routing.unmap_is_direct,
    by=at_or_above_offset,
    releases=RELEASES,
    commits="ff5163bb7000",
    root_cause="arch_dma_unmap_page_direct() compares the handle with dma_offset only. The dynamic part of a split window "
    "lies above dma_offset too, so its handles are never given back.",
)
