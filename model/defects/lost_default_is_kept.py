# SPDX-License-Identifier: GPL-2.0-or-later
"""After a reset that failed the device still maps through a default window that is gone."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import Device

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def reset_and_hope(kernel: "Kernel", device: Device) -> None:
    """Linux: reset_dma_window() returns nothing."""
    node = device.node
    if node.limited or node.gave_up:
        kernel.reset_windows(node)
    node.limited = node.gave_up = False


DEFECT = Defect(
    id="lost-default-is-kept",
    breaks="no-dead-liobn",
    replaces=enable.restore_default,
    by=reset_and_hope,
    releases=RELEASES,
    root_cause="enable_ddw() keeps the table and the property of the default window until it succeeds, and puts up with a "
    "reset that does not.",
)
