# SPDX-License-Identifier: GPL-2.0-or-later
"""A PE that came up frozen, without a default window, ends in a NULL dereference."""

from typing import TYPE_CHECKING

from model.defects import RELEASES, Defect
from model.guest import devices
from model.guest.windows import Node
from model.interfaces import Crash, DdwProperties

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def with_a_window(kernel: "Kernel", properties: DdwProperties) -> Node:
    """Linux: pci_dma_find() reads the property of a dynamic window where it has found none at all."""
    none = properties.default is None and properties.inherited is None
    if properties.pe not in kernel.nodes and none:
        raise Crash("no window property, neither of the default window nor of a dynamic one")
    return devices.node_of(kernel, properties)


DEFECT = Defect(
    id="frozen-pe-crashes",
    breaks="guest-crash",
    replaces=devices.node_of,
    by=with_a_window,
    releases=RELEASES,
    root_cause="pci_dma_bus_setup_pSeriesLP() has a comment on frozen PEs and is ready for no node; but pci_dma_find(), if "
    "asked for the window too, warns and then takes what is no default window for a dynamic one.",
)
