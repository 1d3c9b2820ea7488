# SPDX-License-Identifier: GPL-2.0-or-later
"""A little-endian kernel takes the words that firmware answers as they come."""

from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.defects import Defect
from model.guest import rtas
from model.guest.rtas import Created
from model.guest.windows import Node
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.types import GIB, BusAddress, Liobn

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def swapped(value: int, size: int) -> int:
    """The same bytes the other way round."""
    return int.from_bytes(value.to_bytes(size, "big"), "little")


def as_they_come(kernel: "Kernel", node: Node, page_shift: int, window_shift: int) -> Created | None:
    """Linux before the fix: create_ddw() without be32_to_cpu()."""
    created = rtas.create_ddw(kernel, node, page_shift, window_shift)
    if created is None:
        return None
    high, low = (swapped(word, 4) for word in divmod(created.base, 1 << 32))
    return Created(Liobn(swapped(created.liobn, 4)), BusAddress(high << 32 | low))


BUG = Bug(
    title="(DDW answers and properties on little-endian guests)",
    date="2014-09-25",
    release="",
    defect=Defect(
        id="answers-in-the-wrong-byte-order",
        breaks="no-dead-liobn",
        replaces=rtas.create_ddw,
        by=as_they_come,
        commits="4e8b0cf46b25, fixed by 9410e0185e65",
        root_cause="Firmware answers in big-endian words, which a little-endian kernel has to turn round: LIOBN, address, "
        "block and page mask were all wrong. Of these the LIOBN and the address of create are restated.",
    ),
    trace=trace(POWERVM_DEDICATED, simple_lpar(GIB), OPENS),
)
