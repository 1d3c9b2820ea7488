# SPDX-License-Identifier: GPL-2.0-or-later
"""Enable goes on as if the default window were gone, whether or not firmware removed it."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import Node
from model.types import Liobn

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def go_on(kernel: "Kernel", node: Node, liobn: Liobn) -> bool:
    """Linux: __remove_dma_window() prints what firmware answered and returns nothing."""
    kernel.remove_window(node, liobn)
    return True


DEFECT = Defect(
    id="removal-is-not-looked-at",
    breaks=None,
    replaces=enable.remove_default,
    by=go_on,
    releases=RELEASES,
    root_cause="The query that follows offers no window then, so that the attempt ends in a reset that was not needed.",
)
