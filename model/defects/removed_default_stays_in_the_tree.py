# SPDX-License-Identifier: GPL-2.0-or-later
"""The property of a default window that was removed stays in the device tree."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.table import Table
from model.guest.windows import Device, DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def keep_the_property(kernel: "Kernel", device: Device, window: DmaWindow, table: Table | None) -> None:
    """Linux: enable_ddw() from 381ceda88c4c to b1fc44eaa9ba."""
    default = device.node.default
    enable.commit(kernel, device, window, table)
    device.node.default = default


DEFECT = Defect(
    id="removed-default-stays-in-the-tree",
    breaks="no-dead-liobn",
    replaces=enable.commit,
    by=keep_the_property,
    commits="381ceda88c4c, fixed by b1fc44eaa9ba",
    root_cause="A kernel that follows by kexec takes the dynamic window for a default one that is there no more.",
)
