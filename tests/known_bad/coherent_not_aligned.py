# SPDX-License-Identifier: GPL-2.0-or-later
"""A coherent buffer begins at any entry."""

from model.defects import Defect
from model.guest import coherent
from model.words import Word, word


def anywhere(entries: Word) -> Word:
    """No alignment."""
    return word(1)


DEFECT = Defect(
    id="coherent-not-aligned",
    breaks="handle-in-mask",
    replaces=coherent.coherent_alignment,
    by=anywhere,
    root_cause="iommu_alloc_coherent() with an order of 0 in place of get_iommu_order().",
)
