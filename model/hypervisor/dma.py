# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device reaches at a bus address. LoPAR 3.2.2.2 and figure 5."""

from typing import TYPE_CHECKING

from model.interfaces import Reach
from model.types import ADDRESS, CONTROL, BusAddress, Pe, PhysAddr

if TYPE_CHECKING:
    from model.hypervisor.papr import Papr


def translate(papr: "Papr", pe: Pe, address: BusAddress) -> Reach | None:
    """Memory and control bits behind a bus address of a PE; None: no window, or a TCE that faults."""
    for window in papr.endpoints[pe].windows.values():
        if window.span.holds(address):
            tce = window.table[window.index_of(address)]
            offset = (address - window.base) & ((1 << window.page_shift) - 1)
            return Reach(PhysAddr((tce & ADDRESS) + offset), tce & CONTROL) if tce & CONTROL else None
    return None
