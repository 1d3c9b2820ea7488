# SPDX-License-Identifier: GPL-2.0-or-later
"""The default window is removed to make room although nothing can bring it back."""

from dataclasses import replace
from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.events import Fault, Step
from model.guest import enable
from model.guest.enable import Outcome, Refused
from model.guest.rtas import Offer
from model.guest.windows import Node
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.types import GIB

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def whatever_comes(kernel: "Kernel", node: Node) -> Offer:
    """Linux between the two commits: enable_ddw() asked neither for a reset call nor whether anything is mapped."""
    table = node.tables.get("default")
    if node.default is None or table is None:
        raise Refused(Outcome.NO_DEFAULT)
    kernel.save_default(node, committed=False)
    kernel.clear_default(table)
    node.gave_up = kernel.remove_default(node, node.default.liobn)
    offer = kernel.query_ddw(node)
    if offer is None or offer.windows == 0:
        raise Refused(Outcome.NO_WINDOW)
    return offer


BUG = Bug(
    title='(the revert of "pseries/iommu: remove default window before attempting DDW manipulation")',
    date="2014-01-10",
    release="",
    defect=Defect(
        id="default-removed-without-reset",
        breaks="enable-fails-clean",
        replaces=enable.give_up_default,
        by=whatever_comes,
        commits="25ebc45b9345, fixed by ae69e1eddc64",
        root_cause="The default window went before it was known that another one can be created, and before the platform had "
        "a call that restores it: where create then failed, the device had no window at all.",
    ),
    trace=trace(
        replace(POWERVM_SRIOV, extensions=(), query_outputs=5), simple_lpar(GIB), Step(OPENS, (Fault("create", 0, -1),))
    ),
)
