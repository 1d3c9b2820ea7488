# SPDX-License-Identifier: GPL-2.0-or-later
"""Query names another PE: the configuration address is put together wrongly."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.calls import RtasCall, RtasStatus
from model.defects import Defect
from model.guest import rtas
from model.guest.rtas import QUERY_OUTPUTS, Offer
from model.guest.windows import Node
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def bus_in_the_wrong_place(kernel: "Kernel", node: Node) -> Offer | None:
    """Linux between the two fixes: query_ddw() with the bus in bits 8 to 15, not 16 to 23."""
    assert node.applicable is not None
    config, *buid = node.pe.cells
    wide = node.extension(QUERY_OUTPUTS) == 1
    answer = kernel.port.rtas(RtasCall(node.applicable[0], (config >> 8, *buid), 6 if wide else 5))
    if answer.status is not RtasStatus.SUCCESS:
        return None
    windows, *block, pages, _ = answer.outputs
    return Offer(windows, sum(part << 32 * k for k, part in enumerate(reversed(block))), pages)


BUG = Bug(
    title="powerpc/pseries: Fix PCI config address for DDW",
    date="2016-05",
    release="",
    defect=Defect(
        id="config-address-is-shifted",
        breaks="calls-well-formed",
        replaces=rtas.query_ddw,
        by=bus_in_the_wrong_place,
        commits="8445a87f7092, fixed by 8a934efe9434",
        root_cause="When the address no longer came from EEH it was built from bus and function with wrong shifts. Firmware "
        "knows no such PE and refuses, or knows another one.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB), OPENS),
)
