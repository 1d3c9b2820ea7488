# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window is removed without having been cleared: its property is read as that of a dynamic window."""

from typing import TYPE_CHECKING

from model.calls import StuffTce
from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.table import Table
from model.types import BusAddress, Tce

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def as_if_dynamic(kernel: "Kernel", table: Table) -> bool:
    """Linux: remove_dma_window() on `ibm,dma-window`; the base comes from half of the address and half of the size."""
    start, size = table.span.start, table.span.size
    base = BusAddress((start & 0xFFFFFFFF) << 32 | size >> 32)
    kernel.port.hcall(StuffTce(table.liobn, base, Tce(0), 0))
    return True


DEFECT = Defect(
    id="default-removed-uncleared",
    breaks="calls-well-formed",
    replaces=enable.clear_default,
    by=as_if_dynamic,
    releases=RELEASES,
    root_cause="The five cells of ibm,dma-window are no struct dynamic_dma_window_prop: the size is taken for a shift "
    "count and the window's shift is read from beyond the value. On what was run, and for sizes that are "
    "powers of two, the number of TCEs comes out as 0.",
)
