# SPDX-License-Identifier: GPL-2.0-or-later
"""An enable that fails after it has decided for a direct window still answers that all memory is mapped."""

from typing import TYPE_CHECKING, Any

from model.defects import Defect
from model.guest import mapping
from model.guest.sizing import WindowPlan
from model.interfaces import MaskAnswer
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def answer_by_plan(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Linux: enable_ddw() returns direct_mapping as it was planned, whether or not the window came to be."""
    plans: list[WindowPlan] = []

    def remember(*operands: Any) -> WindowPlan:
        plans.append(type(kernel).plan_window(*operands))
        return plans[-1]

    vars(kernel)["plan_window"] = remember  # this attempt's plan, whichever rule makes it
    try:
        answer = mapping.set_dma_mask(kernel, device, mask)
    finally:
        del vars(kernel)["plan_window"]
    planned_direct = bool(plans) and plans[-1].direct.size > 0
    if planned_direct and kernel.devices[device].node.window is None:
        return MaskAnswer(True, not kernel.vpmem)
    return answer


DEFECT = Defect(
    id="failed-enable-answers-bypass",
    breaks="enable-fails-clean",
    replaces=mapping.set_dma_mask,
    by=answer_by_plan,
    releases=("6.1", "6.12"),
    root_cause="direct_mapping is set before create, pre-map and table, and is returned whether or not they succeeded. "
    "(With vPMEM the kernel sets bus_dma_limit from a dma_offset that it never set; the model does not go that far.)",
)
