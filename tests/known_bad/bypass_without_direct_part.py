# SPDX-License-Identifier: GPL-2.0-or-later
"""Every mask that is accepted while there is a window is answered with bypass."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import masks
from model.interfaces import MaskAnswer
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def always_bypass(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Bypass wherever there is a window, direct or not."""
    answer = masks.set_dma_mask(kernel, device, mask)
    return MaskAnswer(answer.accepted, answer.accepted and kernel.devices[device].window is not None)


DEFECT = Defect(
    id="bypass-without-direct-part",
    breaks="limit-matches-split",
    replaces=masks.set_dma_mask,
    by=always_bypass,
    root_cause="The answer does not look at what the window is for.",
)
