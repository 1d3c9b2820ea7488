# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window's table is released before the last allocation that can fail."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.windows import Device, DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def before_the_dynamic_table(kernel: "Kernel", device: Device, window: DmaWindow) -> None:
    """Linux: enable_ddw() puts tables[0] as soon as RAM is pre-mapped."""
    if device.node.gave_up and window.direct_size:
        enable.drop_default_table(device.node)
        device.table = None


DEFECT = Defect(
    id="default-table-released-early",
    breaks="enable-fails-clean",
    replaces=enable.release_default,
    by=before_the_dynamic_table,
    releases=("6.12", "7.2", "7.3"),
    root_cause="If the table of the dynamic part cannot be had, the default window comes back but its table does not: the "
    "device has no DMA at all.",
)
