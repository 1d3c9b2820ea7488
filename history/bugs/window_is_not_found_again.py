# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel that follows by kexec does not know the dynamic window that is there."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.events import Kexec
from model.guest import kexec
from model.guest.windows import Node
from model.interfaces import InheritedWindow
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def not_looked_for(kernel: "Kernel", node: Node, left: InheritedWindow) -> None:
    """Linux before the fix: find_existing_ddw_windows() learned nothing from the property."""


BUG = Bug(
    title="(kexec with dynamic DMA windows)",
    date="2011-05-06",
    release="",
    defect=Defect(
        id="window-is-not-found-again",
        breaks="kexec-keeps-running",
        replaces=kexec.inherit_window,
        by=not_looked_for,
        commits="4e8b0cf46b25, fixed by 767303349e05",
        root_cause="The property of the window was not in a form that the next kernel can read. It has a window then that it "
        "does not know: what the kernel before mapped there is never cleared, and there is no room for another one.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB), OPENS, Kexec()),
)
