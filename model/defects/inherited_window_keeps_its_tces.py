# SPDX-License-Identifier: GPL-2.0-or-later
"""After kexec a window that gets no table keeps what the kernel before mapped in it."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import kexec
from model.guest.windows import DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def leave_it(kernel: "Kernel", window: DmaWindow) -> None:
    """Linux: find_existing_ddw_windows_named() lists the window, iommu_table_clear() is for the default window's table."""


DEFECT = Defect(
    id="inherited-window-keeps-its-tces",
    breaks="kexec-keeps-running",
    replaces=kexec.clear_unused,
    by=leave_it,
    releases=RELEASES,
    root_cause="pci_dma_find() takes the default window where there is one, and only the table in use is cleared. The device "
    "still reaches all RAM that the kernel before had pre-mapped, also what goes offline since: the notifier passes over "
    "windows that are not direct.",
)
