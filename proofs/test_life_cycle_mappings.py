# SPDX-License-Identifier: GPL-2.0-or-later
"""Mappings in the dynamic part of a window through any sequence of events: what holds before each still holds after it.

The watched TCE is any, so each theorem holds of all. I/O pages are 64 KB. Of these events so far: what goes the direct way
begins and ends, and a function is added. Rules: `model.guest.mapping`, `routing`, `devices`.
"""

from typing import Any

from model.guest import devices, mapping, routing, scatterlist
from model.guest.kernel import Kernel
from model.guest.table import Table
from model.guest.windows import Device, DmaWindow, Node
from model.interfaces import DdwProperties
from model.types import BusAddress, Direction, DmaMask, Liobn, Pe, SegmentLimits, Span, WindowShift
from model.words import umin, word
from proofs.case import Case, Claim, assumption
from proofs.facts import LAST_ADDRESS, MOST_MEMORY
from proofs.obligation import Scope, obligation
from proofs.partition import GuestCase, WatchedMap, WatchedPort, WatchedTce, lies_in

BASE = 1 << 59
"""Where PowerVM's windows begin."""
MOST_PART = 1 << 40
"""Bytes of each part of the window, and of memory, at most: 1 TiB."""
MOST_MAPPED = 1 << 32
"""Bytes of a mapping, at most: it crosses no multiple of 4 GiB."""


class MappingCase(GuestCase):
    """A split window with any one of its dynamic TCEs, and memory that is mapped."""

    def declare(self) -> None:
        """Declare all that, as it is before the event."""
        self.page_shift: Any = word(16)
        self.direct_pages, self.entries, self.index = (
            self.word("direct_pages"),
            self.word("entries"),
            self.word("index"),
        )
        self.taken = self.flag("taken")
        self.tce = WatchedTce(self.flag("valid"), self.word("page"), self.flag("writable"))
        self.elements = [self.element(name) for name in ("one", "two")]

    def element(self, name: str) -> Any:
        """Any memory of whole I/O pages."""
        start = self.word(f"{name}_memory") << 16
        return Span(start, start + (self.word(f"{name}_pages") << 16))

    def start(self, rule_name: str) -> Kernel:
        """The guest before the event; `self.port` knows the TCE, `self.map` its entry."""
        self.port = WatchedPort(self, self.tce, self.index, BASE, self.page_shift)
        kernel = self.guest(self.port, rule_name)
        direct = self.direct_pages << self.page_shift
        window = DmaWindow(Liobn(1), BusAddress(BASE), self.page_shift, WindowShift(word(63)), direct, direct)
        span: Any = Span(BASE + direct, BASE + direct + (self.entries << self.page_shift))
        self.map = WatchedMap(self.index - umin(self.index, self.direct_pages), self.taken)
        self.table = Table(Liobn(1), span, self.page_shift, BusAddress(BASE), self.map)  # type: ignore[arg-type]
        node = Node(Pe(0, 0), (1, 2, 3), (), None, None, window=window, tables={"ddw": self.table})
        kernel.nodes, kernel.devices = (
            {node.pe: node},
            {0: Device(node, DmaMask(LAST_ADDRESS), window=window, table=self.table)},
        )
        return kernel

    @assumption
    def partition_is_real(self) -> Any:
        """Both parts and memory have at most 1 TiB; the TCE is a dynamic one; what is mapped has a page to 4 GiB."""
        most = MOST_PART >> 16
        dynamic = lies_in(self.index, self.direct_pages, self.entries)
        small = (self.direct_pages <= most) & (self.entries <= most) & dynamic
        for name in ("one", "two"):
            memory, pages = self.word(f"{name}_memory"), self.word(f"{name}_pages")
            small = small & (memory <= most) & (pages > 0) & (pages <= MOST_MAPPED >> 16)
        return small


def page_start(ioba: Any, memory: Any, page_shift: Any) -> Any:
    """Wrong: the handle is the start of the I/O page."""
    return ioba


class HandleCase(Case):
    """Any memory whose I/O page is mapped anywhere on the bus, and a byte some way into it."""

    def declare(self) -> None:
        """Declare memory, the I/O page on the bus by number, and how far the byte is from the first."""
        self.page_shift = self.choice("page_shift", (12, 16, 34))
        self.memory, self.bus_page, self.far = self.word("memory"), self.word("bus_page"), self.word("far")

    @assumption
    def addresses_are_real(self) -> Any:
        """Memory lies within 2 PiB, the handle below 2^63, and the mapping has at most 4 GiB."""
        low = self.bus_page < word(1 << 63) >> self.page_shift
        return low & (self.memory <= MOST_MEMORY) & (self.far < MOST_MAPPED)


@obligation(supports="mapping-translates", about=mapping.handle_of, mutant=page_start, scope=Scope.BOUNDED)
def bytes_are_as_far_apart_on_the_bus_as_in_memory(c: HandleCase) -> Claim:
    """Each byte is as far into its I/O page, and that as far from the first, on the bus as in memory (bounded: 3 sizes)."""
    handle, within = c.rule(c.bus_page << c.page_shift, c.memory, c.page_shift), (word(1) << c.page_shift) - 1
    pages = ((handle + c.far) >> c.page_shift) - c.bus_page
    return c.claim(
        assume=[c.addresses_are_real],
        cover={"in the second I/O page": pages == 1},
        goal=((handle + c.far) & within == (c.memory + c.far) & within)
        & (pages == ((c.memory + c.far) >> c.page_shift) - (c.memory >> c.page_shift)),
    )


def end_ignored(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: whatever the mask reaches is direct, behind the direct part too."""
    return base + memory + (size - 1) <= mask


@obligation(supports="route-agrees", about=routing.map_is_direct, mutant=end_ignored, scope=Scope.SEQUENCES)
def what_goes_direct_begins_and_ends_without_a_tce(c: MappingCase) -> Claim:
    """What map routes directly changes no TCE and no entry, not when it begins and not when it ends."""
    kernel = c.start("map_is_direct")
    memory = c.elements[0]
    if not kernel.routes_directly(0, memory):
        return c.claim(assume=[c.partition_is_real], cover={"not direct": True}, goal=True)
    handle = kernel.map_page(0, memory, Direction.BIDIRECTIONAL, 0)
    kernel.unmap_page(0, Span(BusAddress(BASE + memory.start), BusAddress(BASE + memory.stop)), Direction.BIDIRECTIONAL)
    return c.claim(
        assume=[c.partition_is_real],
        cover={"a valid TCE": c.tce.valid},
        goal=(c.port.tce.valid == c.tce.valid) & (c.map.taken == c.taken) & (handle == BASE + memory.start)
        if handle is not None
        else False,
    )


def laid_out_anew(kernel: Any, device: Any, node: Any) -> None:
    """Wrong: each function sets its PE's table up."""
    devices.attach(kernel, device, node)
    table = kernel.nodes[node.pe].tables["ddw"]
    kernel.clear_table(table)


@obligation(supports="masks-do-no-harm", about=devices.attach, mutant=laid_out_anew, scope=Scope.SEQUENCES)
def a_function_that_is_added_changes_no_tce(c: MappingCase) -> Claim:
    """A further function of a PE finds its windows and tables, and changes no TCE and no entry."""
    kernel = c.start("attach")
    kernel.attach(1, DdwProperties(Pe(0, 0), None, (1, 2, 3), (), None))
    return c.claim(
        assume=[c.partition_is_real],
        cover={"a valid TCE": c.tce.valid},
        goal=(c.port.tce.valid == c.tce.valid)
        & (c.map.taken == c.taken)
        & (kernel.devices[1].node.tables["ddw"] is c.table),
    )


def first_element_decides(kernel: Any, device: Any, memory: Any, limits: Any) -> Any:
    """Wrong: a scatterlist goes the way of its first element."""
    return kernel.routes_directly(device, memory[0])


@obligation(
    supports="route-agrees", about=scatterlist.sg_goes_direct, mutant=first_element_decides, scope=Scope.BOUNDED
)
def a_scatterlist_that_begins_directly_ends_directly(c: MappingCase) -> Claim:
    """Of a scatterlist that is routed directly, every segment ends so (bounded: two elements)."""
    kernel = c.start("sg_goes_direct")
    segments = None
    if kernel.sg_goes_direct(0, c.elements, SegmentLimits(1 << 32, (1 << 32) - 1)):
        segments = [Span(BASE + start, BASE + stop) for start, stop in c.elements]
    ends: Any = True
    for segment in segments or ():
        ends = ends & kernel.ends_directly(kernel.devices[0], segment)
    return c.claim(
        assume=[c.partition_is_real],
        cover={"not direct": segments is None, "direct": segments is not None},
        goal=ends,
    )
