# SPDX-License-Identifier: GPL-2.0-or-later
"""Pure decisions whose compiled code is not shown to be the model's rule, and the reason that was met."""

NOT_COMPARED = {
    "enable_ddw, 6.1: window and split": "the release's rule (plan-before-the-split) is written on ints, not on words: sizes "
    "below zero and wrapped products, which C leaves open",
    "enable_ddw with a mask below 64 bits, or I/O pages other than 2M": "executed for one of each: every other one takes all "
    "26 paths again, and a free mask more of them",
    "iommu_num_pages of no bytes": "C counts one page where they start inside one, the model none; Linux warns of such maps",
    "tce_setrange_multi_pSeriesLP without multi-TCE": "the rule is a step of the guest with hypercalls, not one on words",
    "arch_dma_{map,unmap}_sg_direct": "a loop over a list, and so is the model's rule",
    "arch_dma_{alloc,free}_direct, from 7.2 on": "the model has no rule on words for a coherent buffer's route",
    "iommu_range_alloc": "a search of a bitmap, whose rule is a generator on tables",
    "ranges longer than the bounds": "loops over hypercalls, entries and bits are unrolled: up to 600 I/O pages cleared, 3 "
    "set, 3 entries of a table reserved",
    "ppc64le": "the code is compiled for x86-64 with the harness's stand-ins, by its flags (-O2, pages of 64 KiB)",
}
"""Reasons by decision."""
