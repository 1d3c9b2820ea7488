# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of fewer than 2048 entries that is full gives up nothing for a dump, a larger one reserved entries, too."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import kexec
from model.guest.table import Table
from model.types import Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def last_2048(kernel: "Kernel", table: Table, left: int) -> list[Span[int]]:
    """Linux: the end of iommu_table_clear(); the first entry to be given up is an unsigned difference."""
    first = (table.entries - kexec.KDUMP_ROOM) % (1 << 64)
    full = table.entries - left < kexec.KDUMP_ROOM
    return [Span(first, table.entries)] if full and first < table.entries else []


DEFECT = Defect(
    id="small-table-gives-no-room",
    breaks="kexec-keeps-running",
    replaces=kexec.given_up,
    by=last_2048,
    releases=RELEASES,
    root_cause="it_size - KDUMP_MIN_TCE_ENTRIES wraps: an SR-IOV function with a direct window of, say, 16 GiB in 16 MiB "
    "pages has 1024 entries, all in use, and nowhere to write the dump. Of exactly 2048 entries it gives up page 0 as well.",
)
