# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs of the history, and changes that may be taken for fixes of one, that `bugs/` does not have, and why not."""

from typing import NamedTuple


class NotCovered(NamedTuple):
    """One of them. commit: "" if not known, or not merged. title: in parentheses where the commit's own is not known."""

    title: str
    commit: str
    why: str


NOT_COVERED = (
    NotCovered(
        "powerpc/pseries: Avoid deadlock on removing ddw", "5efbabe09d98",
        "the semaphore of the device tree's notifier chain is none of the model's locks (hash not confirmed)",
    ),
    NotCovered(
        "powerpc/pseries/iommu: Use correct vfree for it_map", "41ee7232fa5f",
        "which allocator memory is given back to; the model only knows whether there is memory",
    ),
    NotCovered(
        "powerpc/pseries/iommu: DLPAR add doesn't completely initialize pci_controller", "a5c57fd2e9bd",
        "the registration of a PHB with the IOMMU core, which the model has not (hash not confirmed)",
    ),
    NotCovered(
        "powerpc/iommu: Fix the missing iommu_group_put() during platform domain attach", "0846dd77c834",
        "references to groups are not counted in the model",
    ),
    NotCovered(
        "powerpc/iommu: Fix notifiers being shared by PCI and VIO buses", "c37b6908f7b2",
        "VIO devices and fault injection have no DDW (hash not confirmed)",
    ),
    NotCovered(
        "powerpc/pseries/iommu: Fix the VFIO_IOMMU_SPAPR_TCE_GET_INFO ioctl output", "6af67f2ddfcb",
        "what user space is told of a PE is no event of the model",
    ),
    NotCovered(
        "powerpc/pseries/iommu: Use the iommu table[0] for IOV VF's DDW", "aed6e4946ed9",
        "where in its array a group keeps a table; the model names tables by what they are for",
    ),
    NotCovered(
        "powerpc/pseries/iommu: Split Dynamic DMA Window to be used in Hybrid mode", "ff5163bb7000",
        "a feature; what was before it is the defect plan-before-the-split",
    ),
    NotCovered(
        "powerpc/pseries/iommu: create DDW for devices with DMA mask less than 64-bits", "67dfc11982f7",
        "a feature; what was before it is the defect full-masks-only",
    ),
    NotCovered(
        "powerpc/pseries/iommu: Fix kmemleak in TCE table userspace view", "d36e3f11fe8b",
        "memory that is never given back is not noticed in the model",
    ),
    NotCovered(
        "powerpc/pseries/iommu: Wait until all TCEs are unmapped before deleting DDW", "",
        "not merged; drivers of the model end their mappings before their device goes",
    ),
    NotCovered(
        "(arch_dma_alloc_direct() looks at bus_dma_limit, too)", "",
        "the regression was on PowerNV, whose windows are none of PAPR's",
    ),
    NotCovered(
        "powerpc/iommu: fix lockdep warning during PCI enumeration", "",
        "a mutex of the IOMMU core, which is none of the model's locks",
    ),
)  # fmt: skip
