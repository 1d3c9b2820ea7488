# SPDX-License-Identifier: GPL-2.0-or-later
"""When the dynamic table cannot be had, the window is removed with all of RAM still mapped in it."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.enable import Outcome, Refused
from model.guest.windows import DmaWindow

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def clean_only_own_failure(kernel: "Kernel", window: DmaWindow, undo: ExitStack) -> None:
    """Linux: clean_dma_window() follows a failed walk_system_ram_range() only, not later failures."""

    def leave(_kind: object, refusal: object, _trace: object) -> None:
        if isinstance(refusal, Refused) and refusal.outcome is Outcome.PREMAP_FAILED:
            kernel.clear_range(window.liobn, window.base, window.page_shift, window.size >> window.page_shift)

    undo.push(leave)


DEFECT = Defect(
    id="table-failure-leaves-premap",
    breaks="window-empty-at-removal",
    replaces=enable.undo_premap,
    by=clean_only_own_failure,
    releases=("6.12", "7.2", "7.3"),
    commits="ff5163bb7000",
    root_cause="With a split window the table is allocated after the pre-map; its error exit skips clean_dma_window().",
)
