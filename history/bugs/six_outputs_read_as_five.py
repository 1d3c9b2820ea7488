# SPDX-License-Identifier: GPL-2.0-or-later
"""Query's answer of six words is read as if it were of five."""

from dataclasses import replace
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


def as_five(kernel: "Kernel", node: Node) -> Offer | None:
    """Linux before the fix: query_ddw() knew nothing of a block of 64 bits."""
    assert node.applicable is not None
    wide = node.extension(QUERY_OUTPUTS) == 1
    answer = kernel.port.rtas(RtasCall(node.applicable[0], node.pe.cells, 6 if wide else 5))
    if answer.status is not RtasStatus.SUCCESS:
        return None
    windows, block, pages, *_ = answer.outputs
    return Offer(windows, block, pages)


BUG = Bug(
    title="powerpc/pseries/iommu: Update call to ibm,query-pe-dma-windows",
    date="2020-08-05",
    release="5.10",
    defect=Defect(
        id="six-outputs-read-as-five",
        breaks="regions-inside-window",
        replaces=rtas.query_ddw,
        by=as_five,
        commits="fixed by 80f025123113",
        root_cause="Firmware of LoPAR 2.8 may answer the largest block in two words, which moves the page mask: the upper "
        "half of the block was taken for the block, and the lower one for the page mask.",
    ),
    trace=trace(replace(POWERVM_DEDICATED, block=(1 << 36) + 2, pages=1), simple_lpar(GIB), OPENS),
)
