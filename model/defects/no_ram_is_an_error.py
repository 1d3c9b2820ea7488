# SPDX-License-Identifier: GPL-2.0-or-later
"""Without any RAM online a direct window is given back."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import enable
from model.guest.windows import DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def something_to_walk(kernel: "Kernel", window: DmaWindow) -> bool:
    """Linux: walk_system_ram_range() answers -EINVAL if it calls nobody."""
    return enable.premap_ram(kernel, window) and bool(kernel.ram_at_enable())


DEFECT = Defect(
    id="no-ram-is-an-error",
    breaks=None,
    replaces=enable.premap_ram,
    by=something_to_walk,
    releases=RELEASES,
    root_cause="No partition runs without RAM.",
)
