# SPDX-License-Identifier: GPL-2.0-or-later
"""User space is told that its window is gone, whatever firmware said."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node
from model.types import Liobn

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def go_on(kernel: "Kernel", node: Node, liobn: Liobn) -> bool:
    """Linux: remove_dma_window_named() from spapr_tce_unset_window()."""
    vfio.remove_user_window(kernel, node, liobn)
    return True


DEFECT = Defect(
    id="unset-is-not-looked-at",
    breaks=None,
    replaces=vfio.remove_user_window,
    by=go_on,
    releases=("6.12", "7.2", "7.3"),
    root_cause="__remove_dma_window() prints what firmware answered and returns nothing. VFIO does not look at the answer "
    "either.",
)
