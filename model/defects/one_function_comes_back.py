# SPDX-License-Identifier: GPL-2.0-or-later
"""Of several functions only one gets a table when user space gives their PE back; the others keep one that was freed."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.table import Table
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def one_alone(kernel: "Kernel", node: Node) -> None:
    """Linux: with the first function gone, spapr_tce_take_ownership() returns before set_iommu_table_base(dev, NULL), and
    with the first one back, spapr_tce_release_ownership() returns before it sets that of the others.
    """
    vfio.use_again(kernel, node)
    others = [dev for dev in kernel.devices.values() if dev.node is node and dev.table is not None][1:]
    for dev in others:
        table = dev.table
        assert table is not None
        dev.table = Table(table.liobn, table.span, table.page_shift, table.window_base, freed=True)


DEFECT = Defect(
    id="one-function-comes-back",
    breaks="detach-leaves-nothing",
    replaces=vfio.use_again,
    by=one_alone,
    releases=("6.12", "7.2", "7.3"),
    root_cause="Both return early by the state of the group, which the first function has changed; what belongs to each "
    "function by itself is left as it was: a use after free as soon as a driver of the second one maps. From reading.",
)
