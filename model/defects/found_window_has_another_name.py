# SPDX-License-Identifier: GPL-2.0-or-later
"""After kexec a direct window is looked for by the name of a dynamic one, and stays when user space takes its PE."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import vfio
from model.guest.windows import DmaWindow, Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_how_it_is_used(kernel: "Kernel", node: Node, window: DmaWindow) -> bool:
    """Linux: remove_dynamic_dma_windows() chooses the name by dma_win::direct, which is false for what was found."""
    node.stray = window if window.found_direct else None
    return not window.found_direct


DEFECT = Defect(
    id="found-window-has-another-name",
    breaks=None,
    replaces=vfio.goes_by_its_name,
    by=by_how_it_is_used,
    releases=("6.12", "7.2", "7.3"),
    root_cause="find_existing_ddw_windows_named() forgets by which name it found a window, and nobody looks at the -EINVAL. "
    "With inherited-window-keeps-its-tces, user space is given all RAM of the kernel before.",
)
