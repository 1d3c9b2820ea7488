# SPDX-License-Identifier: GPL-2.0-or-later
"""vPMEM that goes online as system RAM is mapped wherever it lies."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.windows import DmaWindow
from model.types import PhysAddr, Span
from model.words import Word, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def whole(kernel: "Kernel", window: DmaWindow, block: Span[PhysAddr]) -> tuple[Word, Word]:
    """Beyond the direct part too, if it is vPMEM."""
    if block in kernel.vpmem:
        return word(block.start), word(block.stop)
    return enable.direct_part(kernel, window, block)


DEFECT = Defect(
    id="onlined-vpmem-is-mapped-whole",
    breaks="no-write-outside",
    replaces=enable.direct_part,
    by=whole,
    root_cause="Linux before 6aa989ab2bd0 did so, see premap-ignores-region-end.",
)
