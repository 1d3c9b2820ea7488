# SPDX-License-Identifier: GPL-2.0-or-later
"""A block that holds no TCE is not noticed: create asks for a window below one I/O page."""

from typing import Any

from model.defects import Defect
from model.guest import sizing
from model.words import Word


def always(largest: Word, page_shift: Word) -> Any:
    """Linux: enable_ddw() does not compare the two."""
    return True


DEFECT = Defect(
    id="less-than-a-page-is-asked-for",
    breaks="regions-inside-window",
    replaces=sizing.is_enough,
    by=always,
    releases=("6.12", "7.2", "7.3"),
    root_cause="A largest block of 0 TCEs, or a mask below the I/O page, leads to a create that firmware has to refuse.",
)
