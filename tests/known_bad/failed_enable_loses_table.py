# SPDX-License-Identifier: GPL-2.0-or-later
"""After an enable that failed, the device has no table to map through."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import masks
from model.interfaces import MaskAnswer
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def without_a_table(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Refuse the mask and take the table away where no window came to be."""
    answer = masks.set_dma_mask(kernel, device, mask)
    dev = kernel.devices[device]
    if mask > masks.BITS_32 and dev.node.window is None:
        dev.table = None
        return MaskAnswer(False, False)
    return answer


DEFECT = Defect(
    id="failed-enable-loses-table",
    breaks="enable-fails-clean",
    replaces=masks.set_dma_mask,
    by=without_a_table,
    root_cause="set_iommu_table_base(NULL) before the last step that can fail.",
)
