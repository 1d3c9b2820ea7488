# SPDX-License-Identifier: GPL-2.0-or-later
"""Wherever firmware put the new window, the device is told to use it."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import DmaWindow, Node
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def always(kernel: "Kernel", node: Node, window: DmaWindow, mask: DmaMask) -> bool:
    """Linux: enable_ddw() takes the address that create answered."""
    return True


DEFECT = Defect(
    id="window-is-not-looked-at",
    breaks="handle-in-mask",
    replaces=enable.window_is_usable,
    by=always,
    releases=RELEASES,
    root_cause="LoPAR does not say where a new window lies (A6): at bus address 0 RAM gets handles in page 0, over MMIO "
    "it collides, above the mask nobody reaches it.",
)
