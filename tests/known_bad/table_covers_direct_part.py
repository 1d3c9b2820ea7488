# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of a split window starts at the window's base, so clearing it wipes the pre-mapped RAM."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.enable import Outcome, Refused
from model.guest.table import Table
from model.guest.windows import DmaWindow, Node
from model.types import Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def from_the_base(kernel: "Kernel", node: Node, window: DmaWindow) -> Table:
    """What a slip in enable_ddw() would do: win_addr instead of dynamic_addr."""
    if not kernel.port.allocate("table"):
        raise Refused(Outcome.NO_TABLE)
    table = Table(window.liobn, Span(window.base, window.stop), window.page_shift, window.base)
    if not kernel.init_table(table, node.mmio32):
        raise Refused(Outcome.NO_TABLE)
    return table


DEFECT = Defect(
    id="table-covers-direct-part",
    breaks="regions-disjoint",
    replaces=enable.dynamic_table,
    by=from_the_base,
    root_cause="Every address computation of a split window must know the split point.",
)
