# SPDX-License-Identifier: GPL-2.0-or-later
"""One H_STUFF_TCE for any number of TCEs. Fixed by 9d2ccf00bddc (6.4)."""

from model.defects import Defect
from model.guest import tces


def all_at_once(entries: int) -> int:
    """Linux before the fix: tce_freemulti_pSeriesLP() passed npages on."""
    return entries


DEFECT = Defect(
    id="stuff-without-limit",
    breaks="calls-well-formed",
    replaces=tces.stuff_limit,
    by=all_at_once,
    commits="fixed by 9d2ccf00bddc",
    root_cause="PAPR takes at most 512 TCEs in one H_STUFF_TCE.",
)
