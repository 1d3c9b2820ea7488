# SPDX-License-Identifier: GPL-2.0-or-later
"""A function that is found again still has the mask of its last driver."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def keep_mask(kernel: "Kernel", device: int) -> None:
    """The new driver has set none yet."""
    mask = kernel.devices[device].mask
    devices.replug(kernel, device)
    kernel.devices[device].mask = mask


DEFECT = Defect(
    id="found-again-with-its-old-mask",
    breaks="detach-leaves-nothing",
    replaces=devices.replug,
    by=keep_mask,
    root_cause="A device structure that is used again without being cleared.",
)
