# SPDX-License-Identifier: GPL-2.0-or-later
"""The pool in which a CPU searches first comes from a hash of its number."""

from model.defects import RELEASES, Defect
from model.guest import allocator

GOLDEN_RATIO = 0x61C88647


def by_hash(cpu: int, pools: int) -> int:
    """Linux: hash_32(cpu, IOMMU_POOL_HASHBITS) in setup_iommu_pool_hash()."""
    return (cpu * GOLDEN_RATIO & 0xFFFFFFFF) >> 30 & (pools - 1)


DEFECT = Defect(
    id="pools-by-hash",
    breaks=None,
    replaces=allocator.home_pool,
    by=by_hash,
    releases=RELEASES,
    root_cause="Which pool it is matters to nobody.",
)
