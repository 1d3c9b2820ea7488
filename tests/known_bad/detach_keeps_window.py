# SPDX-License-Identifier: GPL-2.0-or-later
"""Detach neither clears nor removes the device's window."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def forget_only(kernel: "Kernel", device: int) -> None:
    """Forget the device, and leave its window to the hypervisor."""
    window = kernel.devices[device].node.window
    if window is not None:
        kernel.windows.remove(window)
    kernel.forget_failure(kernel.devices[device].node)
    del kernel.devices[device]


DEFECT = Defect(
    id="detach-keeps-window",
    breaks="detach-leaves-nothing",
    replaces=devices.detach,
    by=forget_only,
    root_cause="A missing remove_dma_window_named().",
)
