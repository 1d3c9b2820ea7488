# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel does on each event, step by step with its functions: for `explain`, and for what to point at.

Functions that have had other names are told with the newest first.
"""

from typing import Any, NamedTuple

from model import events

DMA_IOMMU = "arch/powerpc/kernel/dma-iommu.c"
IOMMU = "arch/powerpc/kernel/iommu.c"
PSERIES = "arch/powerpc/platforms/pseries/iommu.c"
MAPPING = "kernel/dma/mapping.c"
EEH = "arch/powerpc/kernel/eeh_driver.c"


class Told(NamedTuple):
    """One step. functions: alternatives, of which a tree has one; file: below the tree's root."""

    file: str
    functions: tuple[str, ...]
    text: str


def _step(file: str, functions: str, text: str) -> Told:
    return Told(file, tuple(functions.split()), text)


_BUS = _step(
    PSERIES, "pci_dma_bus_setup_pSeriesLP",
    "finds the node that holds ibm,dma-window and lays out the table of the default window, in 4K pages; the first function "
    "of a PE pays for it",
)  # fmt: skip
_DEVICE = _step(
    PSERIES, "pci_dma_dev_setup_pSeriesLP",
    "gives the function the table of its PE; a driver that sets no mask keeps 32 bits and the default window",
)  # fmt: skip
_SUPPORTED = _step(
    DMA_IOMMU, "dma_iommu_dma_supported",
    "asks whether the platform takes RAM directly for this mask; if not, the table in use must begin within the mask",
)  # fmt: skip
_BYPASS = _step(
    PSERIES, "iommu_bypass_supported_pSeriesLP", "a mask of 32 bits or less ends here; any other may open a window",
)  # fmt: skip
_ENABLE = _step(
    PSERIES, "enable_ddw",
    "takes a window that is there, or queries, gives up the default window if there is no other, chooses page and window "
    "size, creates, pre-maps RAM, and sets up a table for what is left. `ddwcheck explain` without an event shows each step",
)  # fmt: skip
_ALLOC = _step(
    IOMMU, "iommu_range_alloc", "searches the pool of this CPU, then the others, for entries below the mask",
)  # fmt: skip
_SET = _step(
    PSERIES, "tce_buildmulti_pSeriesLP",
    "sets the TCEs with H_PUT_TCE_INDIRECT, up to 512 a call, or H_PUT_TCE each without hcall-multi-tce",
)  # fmt: skip
_CLEAR = _step(
    PSERIES, "tce_freemulti_pSeriesLP", "clears the TCEs with H_STUFF_TCE, up to 512 a call; a refusal has no way out",
)  # fmt: skip
_PREMAP = _step(
    PSERIES, "tce_setrange_multi_pSeriesLP", "maps the block 1:1 in each window that holds RAM directly, by lists of TCEs",
)  # fmt: skip
_UNDO = _step(
    PSERIES, "tce_clearrange_multi_pSeriesLP", "clears the block's TCEs in each window that holds RAM directly",
)  # fmt: skip
_NOTIFIER = _step(
    PSERIES, "iommu_mem_notifier",
    "is told before memory goes online, if that is cancelled, and after it went offline; it walks dma_win_list and passes "
    "over what begins beyond ddw_memory_hotplug_max() (6.1: over nothing)",
)  # fmt: skip
_NOBODY = _step(
    PSERIES, "enable_ddw",
    "nobody is told: that there is an ibm,pmemory node is looked up the next time a window is opened; a window that is there "
    "stays as it is",
)  # fmt: skip

_EXISTING = _step(
    PSERIES, "find_existing_ddw_windows", "windows of an earlier kernel that the tree names go on the list"
)
_FIND = _step(
    PSERIES, "pci_dma_find", "takes the default window where the tree has one, otherwise the dynamic one, as a whole",
)  # fmt: skip

STORIES: dict[Any, tuple[Told, ...]] = {
    events.Attach: (_BUS, _DEVICE),
    events.Detach: (
        _step(PSERIES, "iommu_reconfig_notifier", "the node goes with the last function of its PE"),
        _step(PSERIES, "remove_dma_window_named remove_ddw", "clears and removes the window that the node's property names"),
        _step(PSERIES, "iommu_pseries_free_group", "frees the tables of the PE; firmware isolates the slot after that"),
    ),
    events.Replug: (
        _step(PSERIES, "pci_dma_dev_setup_pSeriesLP", "the node, its window and its table are as they were"),
        _step(
            PSERIES, "enable_ddw", "once the driver sets its mask: finds the window of the node and uses it",
        ),
    ),
    events.EehReset: (
        _step(EEH, "eeh_reset_device", "the slot is reset; no code of DDW runs, windows and TCEs stay (A14)"),
    ),
    events.SetMask: (
        _step(MAPPING, "dma_set_mask", "is what the driver calls; the mask is kept if it is supported"),
        _SUPPORTED, _BYPASS, _ENABLE,
    ),
    events.SetCoherentMask: (
        _step(MAPPING, "dma_set_coherent_mask", "is what the driver calls; the same question is asked"),
        _SUPPORTED, _BYPASS, _ENABLE,
    ),
    events.AskMask: (
        _step(DMA_IOMMU, "dma_iommu_get_required_mask", "asks by trying: is the mask that reaches all RAM supported?"),
        _SUPPORTED, _BYPASS, _ENABLE,
    ),
    events.Map: (
        _step(MAPPING, "dma_map_phys dma_map_page_attrs", "is what the driver calls"),
        _step(
            DMA_IOMMU, "arch_dma_map_phys_direct arch_dma_map_page_direct",
            "memory below bus_dma_limit goes directly: its handle is the window's address + its own, no call is made",
        ),
        _step(DMA_IOMMU, "dma_iommu_map_phys dma_iommu_map_page", "all else takes entries of the device's table"),
        _ALLOC, _SET,
    ),
    events.MapSg: (
        _step(MAPPING, "__dma_map_sg_attrs", "is what the driver calls"),
        _step(DMA_IOMMU, "arch_dma_map_sg_direct", "the whole list goes directly or none of it: each element is looked at"),
        _step(IOMMU, "ppc_iommu_map_sg", "one by one; what lies behind the last one on the bus joins its segment"),
        _ALLOC, _SET,
    ),
    events.AllocCoherent: (
        _step(MAPPING, "dma_alloc_attrs", "is what the driver calls; the coherent mask counts"),
        _step(DMA_IOMMU, "arch_dma_alloc_direct dma_iommu_alloc_coherent", "7.2 takes a direct window where there is one"),
        _step(IOMMU, "iommu_alloc_coherent", "pages, and entries at a multiple of the smallest power of two that holds them"),
        _ALLOC, _SET,
    ),
    events.Unmap: (
        _step(MAPPING, "dma_unmap_phys dma_unmap_page_attrs", "is what the driver calls"),
        _step(
            DMA_IOMMU, "arch_dma_unmap_phys_direct arch_dma_unmap_page_direct",
            "decides by the handle alone whether it is a direct one, for which nothing is done",
        ),
        _step(DMA_IOMMU, "dma_iommu_unmap_phys dma_iommu_unmap_page", "gives it to the table that the device has now"),
        _CLEAR,
        _step(IOMMU, "__iommu_free", "frees the entries"),
    ),
    events.UnmapSg: (
        _step(MAPPING, "dma_unmap_sg_attrs", "is what the driver calls"),
        _step(DMA_IOMMU, "arch_dma_unmap_sg_direct", "decides by the handles whether the whole list went directly"),
        _step(IOMMU, "ppc_iommu_unmap_sg", "segment by segment, up to one without length"),
        _CLEAR,
    ),
    events.FreeCoherent: (
        _step(MAPPING, "dma_free_attrs", "is what the driver calls"),
        _step(IOMMU, "iommu_free_coherent", "frees the entries of the buffer's whole pages, then the pages"),
        _CLEAR,
    ),
    events.Online: (_NOTIFIER, _PREMAP),
    events.Offline: (_NOTIFIER, _UNDO),
    events.AddVpmem: (_NOBODY,),
    events.RemoveVpmem: (_NOBODY,),
    events.OnlineVpmem: (_NOTIFIER, _PREMAP),
    events.OfflineVpmem: (_NOTIFIER, _UNDO),
    events.Reboot: (
        _step(PSERIES, "iommu_init_early_pSeries", "registers the two notifiers and the hooks for buses and devices"),
        _EXISTING,
        _BUS, _DEVICE,
    ),
    events.TakeOwnership: (
        _step(
            PSERIES, "spapr_tce_take_ownership",
            "removes the dynamic window of the host, cleared, and the default one; the functions have no table from here on",
        ),
    ),
    events.CreateTable: (
        _step(
            PSERIES, "spapr_tce_create_table",
            "the default window again if that is what is asked for, else a dynamic one of the size and page asked for",
        ),
    ),
    events.SetWindow: (_step(PSERIES, "spapr_tce_set_window", "nothing is left to do: the window was created for the PE"),),
    events.MapUser: (_step(IOMMU, "iommu_tce_xchg_no_kill", "exchanges the TCE for a page that VFIO has pinned"),),
    events.UnmapUser: (_step(IOMMU, "iommu_tce_xchg_no_kill", "exchanges each TCE for none; VFIO unpins what was there"),),
    events.UnsetWindow: (
        _step(PSERIES, "spapr_tce_unset_window", "removes the window and its property, once VFIO has cleared it"),
    ),
    events.ReleaseOwnership: (
        _step(
            PSERIES, "spapr_tce_release_ownership",
            "resets the PE's windows if the default one is gone, and lays out its table",
        ),
    ),
    events.Kexec: (
        _EXISTING, _FIND, _BUS, _step(IOMMU, "iommu_table_clear", "clears the table of the window that is used"), _DEVICE,
    ),
    events.Kdump: (
        _EXISTING, _FIND, _BUS,
        _step(
            IOMMU, "iommu_table_clear",
            "reads each TCE by H_GET_TCE and keeps what is not zero; of a table with fewer than 2048 free entries the "
            "last 2048 are given up",
        ),
        _DEVICE,
    ),
}  # fmt: skip
"""By kind of event, in the kernel's order."""

ENTRY: dict[Any, int] = {
    events.SetMask: -1, events.SetCoherentMask: 1, events.Map: 1, events.MapSg: 2, events.AllocCoherent: 2, events.Unmap: 1,
    events.UnmapSg: 1, events.FreeCoherent: 1,
}  # fmt: skip
"""Which step of a story to point at when a finding's event made no call; the first where nothing is said."""


def entry(kind: type) -> Told:
    """The function that decides what an event comes to."""
    return STORIES[kind][ENTRY.get(kind, 0)]
