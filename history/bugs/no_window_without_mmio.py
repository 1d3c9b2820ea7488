# SPDX-License-Identifier: GPL-2.0-or-later
"""A PHB without 32-bit MMIO gets no dynamic window."""

from dataclasses import replace
from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import enable
from model.guest.enable import Outcome, Refused
from model.guest.table import Table
from model.guest.windows import DmaWindow, Node
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def needs_mmio(kernel: "Kernel", node: Node, window: DmaWindow) -> Table:
    """Linux from 381ceda88c4c to the fix: enable_ddw() went to out_del_list where it found no resource to reserve."""
    if node.mmio32 is None:
        raise Refused(Outcome.NO_TABLE)
    return enable.dynamic_table(kernel, node, window)


BUG = Bug(
    title="powerpc/pseries/iommu: Create huge DMA window if no MMIO32 is present",
    date="2021-10-25",
    release="5.15",
    defect=Defect(
        id="no-window-without-mmio",
        breaks=None,
        replaces=enable.dynamic_table,
        by=needs_mmio,
        commits="381ceda88c4c, fixed by d853adc7adf6",
        root_cause="Where there is no MMIO below 4 GiB there is nothing to reserve, which was taken for an error.",
    ),
    trace=trace(replace(POWERVM_DEDICATED, block=1 << 12, mmio32=None), simple_lpar(16 * GIB), OPENS),
)
