# SPDX-License-Identifier: GPL-2.0-or-later
"""The only window is given to RAM although vPMEM needs one, too."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import enable
from model.guest.windows import Node
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB
from model.words import Word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def ram_alone(kernel: "Kernel", node: Node, largest: Word) -> tuple[Word, bool]:
    """Linux before the fix: enable_ddw() looked at RAM alone."""
    return enable.direct_goal(kernel, node, largest)[0], False


BUG = Bug(
    title="powerpc/pseries/ddw: Do not try direct mapping with persistent memory and one window",
    date="2021-11-08",
    release="5.16",
    defect=Defect(
        id="direct-though-vpmem-has-no-window",
        breaks=None,
        replaces=enable.direct_goal,
        by=ram_alone,
        commits="381ceda88c4c, fixed by ad3976025b31",
        root_cause="An SR-IOV function gives up its default window for the new one. If that is all direct, no table is left "
        "through which vPMEM could be mapped.",
    ),
    trace=trace(POWERVM_SRIOV, simple_lpar(GIB, vpmem=GIB), OPENS),
)
