# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window's property is copied when the window is gone, and lost if there is no memory."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def afterwards(kernel: "Kernel", committed: bool) -> bool:
    """Linux: copy_property() at the end of enable_ddw(); it returns nothing."""
    if committed and kernel.port.allocate("saved-property"):
        kernel.port.allocate("saved-property")  # its name, its value
        kernel.port.allocate("saved-property")
    return True


DEFECT = Defect(
    id="default-copied-late",
    breaks=None,
    replaces=enable.save_default,
    by=afterwards,
    releases=("6.12", "7.2", "7.3"),
    root_cause="Only VFIO reads the copy, which is not modelled.",
)
