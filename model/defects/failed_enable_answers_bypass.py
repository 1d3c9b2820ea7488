# SPDX-License-Identifier: GPL-2.0-or-later
"""An enable that fails after it has decided for a direct window still answers that all memory is mapped."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import mapping
from model.guest.enable import Outcome
from model.interfaces import MaskAnswer
from model.types import DmaMask

if TYPE_CHECKING:
    from model.guest.kernel import Kernel

AFTER_THE_DECISION = (
    Outcome.CREATE_FAILED, Outcome.NO_PROPERTY, Outcome.NO_ENTRY, Outcome.PREMAP_FAILED, Outcome.NO_TABLE,
)  # fmt: skip


def answer_by_plan(kernel: "Kernel", device: int, mask: DmaMask) -> MaskAnswer:
    """Linux: enable_ddw() returns direct_mapping, which its error exits leave set."""
    dev = kernel.devices[device]
    failed_before = list(kernel.failed)
    seen: list[str] = []
    note, kernel.reached = kernel.reached, seen.append
    answer = mapping.set_dma_mask(kernel, device, mask)
    kernel.reached = note
    for branch in seen:
        note(branch)
    failed_now = any(branch == f"enable: {outcome}" for branch in seen for outcome in AFTER_THE_DECISION)
    if failed_now and dev.node not in failed_before and not kernel.vpmem:
        return MaskAnswer(True, True)
    return answer


DEFECT = Defect(
    id="failed-enable-answers-bypass",
    breaks="enable-fails-clean",
    replaces=mapping.set_dma_mask,
    by=answer_by_plan,
    releases=("6.1", "6.12"),
    root_cause="direct_mapping is set before create, pre-map and table, and is returned whether or not they succeeded.",
)
