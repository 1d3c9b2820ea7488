# SPDX-License-Identifier: GPL-2.0-or-later
"""A device whose mask has less than 64 bits gets no window."""

from model.defects import Defect
from model.guest import masks
from model.types import DmaMask


def all_bits(mask: DmaMask) -> bool:
    """Linux before 6.10: iommu_bypass_supported_pSeriesLP()."""
    return mask == (1 << 64) - 1


DEFECT = Defect(
    id="full-masks-only",
    breaks=None,
    replaces=masks.wants_window,
    by=all_bits,
    releases=("6.1",),
    root_cause="Limited addressing was not known yet; such a device stays in its default window.",
)
