# SPDX-License-Identifier: GPL-2.0-or-later
"""One function of a PE gives up the default window that the others map through."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def never_shared(kernel: "Kernel", node: Node) -> bool:
    """Linux: enable_ddw() looks at the table, not at who else has it."""
    return False


DEFECT = Defect(
    id="shared-default-given-up",
    breaks="masks-do-no-harm",
    replaces=enable.is_shared,
    by=never_shared,
    releases=RELEASES,
    root_cause="The other functions keep a pointer to a table that is gone, and a mask that the new window may be above.",
)
