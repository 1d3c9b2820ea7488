# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the first function of a PE that comes back gets no table, the second one restores the default window once more."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def without_a_table(kernel: "Kernel", node: Node, device: int) -> None:
    """Linux: spapr_tce_release_ownership() goes by tables[0]."""
    if "default" not in node.tables:
        kernel.host_again(node, device)


DEFECT = Defect(
    id="other-function-tries-again",
    breaks=None,
    replaces=vfio.release_another,
    by=without_a_table,
    releases=("6.12", "7.2", "7.3"),
    root_cause="A second reset does no harm: whatever there is now is empty.",
)
