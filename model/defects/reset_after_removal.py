# SPDX-License-Identifier: GPL-2.0-or-later
"""The PE is reset although the removal of its last window has brought the default one back."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import Node
from model.types import Liobn

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def remove_only(kernel: "Kernel", node: Node, liobn: Liobn) -> None:
    """Linux: out_remove_win falls through to the reset."""
    kernel.remove_window(node, liobn)


DEFECT = Defect(
    id="reset-after-removal",
    breaks=None,
    replaces=enable.discard_window,
    by=remove_only,
    releases=RELEASES,
    root_cause="R1-7.3.27.3-3 brings it back by itself; one call more does no harm.",
)
