# SPDX-License-Identifier: GPL-2.0-or-later
"""Switching to limited addressing resets the PE's windows while the default window maps memory."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.guest.enable import Outcome, Refused
from model.guest.rtas import LIMITED, RESET_TOKEN
from model.guest.windows import Node

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def without_looking(kernel: "Kernel", node: Node) -> None:
    """Linux: enable_ddw() calls limited_dma_window() before it looks at iommu_table_in_use()."""
    if node.extension(RESET_TOKEN) is None or not node.extension(LIMITED):
        raise Refused(Outcome.LIMITED_NOT_OFFERED)
    if not kernel.reset_windows(node, limited=True):
        raise Refused(Outcome.LIMITED_FAILED)
    node.limited = True


DEFECT = Defect(
    id="limited-reset-while-in-use",
    breaks="window-empty-at-removal",
    replaces=enable.enter_limited_mode,
    by=without_looking,
    releases=("6.12", "7.2", "7.3"),
    commits="67dfc11982f7",
    root_cause="LoPAR R1-7.3.27.4.1-2 wants no valid mapping in any table of the PE; the in-use check comes only later, "
    "and only if no window is available.",
)
