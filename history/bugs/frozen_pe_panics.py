# SPDX-License-Identifier: GPL-2.0-or-later
"""A PE that came up frozen crashes the kernel at boot."""

from dataclasses import replace

from history import Bug, trace
from model.defects import frozen_pe_crashes
from model.events import Attach, Detach
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

BUG = Bug(
    title="powerpc/pseries/iommu: LPAR panics during boot up with a frozen PE",
    date="2024-04-22",
    release="",
    defect=replace(
        frozen_pe_crashes.DEFECT,
        id="frozen-pe-panics",
        releases=(),
        commits="b1fc44eaa9ba, fixed by 49a940dbdc31",
        root_cause="Firmware may name no window at all for a frozen PE; pci_dma_bus_setup_pSeriesLP() used the node with the "
        "window property all the same. Since the fix it does not, but pci_dma_find() still does: frozen-pe-crashes.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB), Detach(0), Attach(0, frozen=True)),
)
