# SPDX-License-Identifier: GPL-2.0-or-later
"""A window that is as large as RAM is taken for a direct one when the mask is set again."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import mapping
from model.guest.windows import DmaWindow
from model.words import word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def as_large_as_ram(kernel: "Kernel", window: DmaWindow) -> bool:
    """Linux before 6.11: enable_ddw() after find_existing_ddw()."""
    return window.shift >= int(kernel.ram_shift(word(kernel.hotplug_max())))


DEFECT = Defect(
    id="size-says-direct",
    breaks=None,
    replaces=mapping.is_direct,
    by=as_large_as_ram,
    releases=("6.1",),
    root_cause="A dynamic window may be as large as RAM, where vPMEM has no other one; a second mask then turns on "
    "bypass. Harmless where the routing asks the window.",
)
