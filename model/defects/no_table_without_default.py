# SPDX-License-Identifier: GPL-2.0-or-later
"""Only the default window gets a table at boot."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import kexec
from model.guest.table import Table
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def none_at_all(kernel: "Kernel", node: Node) -> Table | None:
    """Linux: pci_dma_bus_setup_pSeriesLP() from 381ceda88c4c to b1fc44eaa9ba, its table not initialised to 6.8."""
    return None


DEFECT = Defect(
    id="no-table-without-default",
    breaks="kexec-keeps-running",
    replaces=kexec.inherited_table,
    by=none_at_all,
    commits="381ceda88c4c, fixed by 09a3c1e46142 (hash not confirmed), in part by b1fc44eaa9ba",
    root_cause="A device whose default window made room for the dynamic one has the latter's property alone; a kernel that "
    "dumps cannot use it.",
)
