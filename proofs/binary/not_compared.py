# SPDX-License-Identifier: GPL-2.0-or-later
"""Pure decisions whose compiled code is not shown to be the model's rule, and the reason that was met."""

NOT_COMPARED = {
    "enable_ddw, 6.1: window and split": "the release's rule (plan-before-the-split) is written on ints, not on words: sizes "
    "below zero and wrapped products, which C leaves open",
    "tce_setrange_multi_pSeriesLP without multi-TCE": "the rule is a step of the guest with hypercalls, not one on words",
    "arch_dma_{map,unmap}_sg_direct": "a loop over a list; the decision for one element is the page's",
    "arch_dma_{alloc,free}_direct, from 7.2 on": "the model has no rule on words for a coherent buffer's route",
    "iommu_range_alloc": "a search of a bitmap, whose rule is a generator on tables",
    "ranges longer than the bounds": "loops over hypercalls, entries and bits are unrolled: up to 600 I/O pages cleared, 3 "
    "set, 4 entries of a table reserved",
    "ppc64le": "the code is compiled for x86-64 with the harness's stand-ins, by its flags (-O2, pages of 64 KiB)",
}
"""Reasons by decision."""
