# SPDX-License-Identifier: GPL-2.0-or-later
"""An enable that fails after it has decided for a direct window still answers that all memory is mapped."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import masks
from model.guest.windows import Device
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def answer_by_plan(kernel: "Kernel", dev: Device, mask: DmaMask) -> bool:
    """Linux: enable_ddw() returns direct_mapping as it was planned, whether or not the window came to be."""
    there, dev.node.plan = dev.node.window, None
    masks.opens_direct(kernel, dev, mask)
    if there is not None:
        return kernel.wants_window(mask) and kernel.is_direct(there)
    plan = dev.node.plan
    return plan is not None and plan.direct.size > 0


DEFECT = Defect(
    id="failed-enable-answers-bypass",
    breaks=None,
    replaces=masks.opens_direct,
    by=answer_by_plan,
    releases=RELEASES,
    root_cause="direct_mapping is set before create, pre-map and table, and is returned whether or not they succeeded; the "
    "limit of what is routed directly is then counted from a dma_offset that was never set. Nor does the answer depend on "
    "the mask, if the window was there. Harmless where the routing asks the window.",
)
