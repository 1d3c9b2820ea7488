# SPDX-License-Identifier: GPL-2.0-or-later
"""A new window maps what is reserved of RAM, too."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import enable
from model.types import PhysAddr, Span

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def in_one_piece(kernel: "Kernel") -> list[Span[PhysAddr]]:
    """From where RAM begins to where it ends."""
    ram = enable.ram_at_enable(kernel)
    return [Span(ram[0].start, ram[-1].stop)] if ram else []


DEFECT = Defect(
    id="reserved-part-is-mapped",
    breaks="direct-maps-only-ram",
    replaces=enable.ram_at_enable,
    by=in_one_piece,
    root_cause="A pre-map by memblock_start_of_DRAM() and memblock_end_of_DRAM() in place of walk_system_ram_range().",
)
