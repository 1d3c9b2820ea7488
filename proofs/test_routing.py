# SPDX-License-Identifier: GPL-2.0-or-later
"""Which way a mapping takes, and that unmap agrees with map. Rules: `model.guest.routing`."""

from typing import Any

from model.guest.routing import map_is_direct, unmap_is_direct
from model.words import umin, word
from proofs.case import Case, Claim, assumption, implies, negate
from proofs.facts import HALF_OF_THE_BUS, LAST_ADDRESS, MOST_MEMORY
from proofs.obligation import obligation


class RouteCase(Case):
    """Any memory, for a device with any direct part, anywhere on the bus, and any mask."""

    def declare(self) -> None:
        """Declare the memory, the size of the direct part, the bus address of the window, and the mask."""
        self.memory, self.size = self.word("memory"), self.word("size")
        self.direct_end, self.base, self.mask = self.word("direct_end"), self.word("base"), self.word("mask")

    @assumption
    def window_is_on_the_bus(self) -> Any:
        """The window begins below 2^63, and its direct part, if it has one, is no larger than that."""
        return (self.base < HALF_OF_THE_BUS) & (self.direct_end <= HALF_OF_THE_BUS)

    @assumption
    def memory_is_real(self) -> Any:
        """The memory lies within 2 PiB."""
        return (self.memory <= MOST_MEMORY) & (self.size <= MOST_MEMORY)

    def maps_directly(self, way: Any) -> Any:
        """The answer of a map rule."""
        return way(self.memory, self.size, self.direct_end, self.base, self.mask)


def end_ignored(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: as where Linux's bus_dma_limit is 0, whatever the mask reaches is direct."""
    if size == 0:
        return False
    return base + memory + (size - 1) <= mask


def limit_is_the_last_byte(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: takes the end of the direct part, as Linux's bus_dma_limit, for its last byte."""
    return map_is_direct(memory, size, direct_end + 1, base, mask)


def start_only(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: memory that begins in the direct part may end behind it."""
    if size == 0:
        return False
    if memory >= direct_end:
        return False
    return base + memory <= mask


def mask_checked_at_the_start(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: the first byte is within the mask, the last may not be."""
    if not map_is_direct(memory, size, direct_end, base, word(LAST_ADDRESS)):
        return False
    return base + memory <= mask


def last_byte_left_out(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: memory that ends where the direct part ends is not direct."""
    return map_is_direct(memory, size + 1, direct_end, base, mask)


def by_offset_alone(handle: Any, direct_end: Any, base: Any) -> Any:
    """Wrong: as in Linux, every handle above dma_offset is direct, the dynamic part of a split window too."""
    return handle >= base


def base_ignored(handle: Any, direct_end: Any, base: Any) -> Any:
    """Wrong: takes a handle for an offset into the window."""
    return handle < direct_end


def below_the_end(handle: Any, direct_end: Any, base: Any) -> Any:
    """Wrong: the default window lies below the direct part too."""
    if handle < base:
        return True
    return unmap_is_direct(handle, direct_end, base)


def first_byte_left_out(handle: Any, direct_end: Any, base: Any) -> Any:
    """Wrong: memory at address 0 has the handle `base`."""
    if handle <= base:
        return False
    return unmap_is_direct(handle, direct_end, base)


@obligation(supports="route-agrees", about=map_is_direct, mutant=limit_is_the_last_byte)
def what_map_routes_directly_unmap_routes_directly(c: RouteCase) -> Claim:
    """The handle of memory that map routes directly is one that unmap takes for direct."""
    assume = [c.window_is_on_the_bus]
    if not c.maps_directly(c.rule):
        return c.claim(assume=assume, cover={"not direct": True}, goal=True)
    return c.claim(
        assume=assume,
        cover={"up to the last byte": c.memory + c.size == c.direct_end},
        goal=c.kernel.unmap_is_direct(c.base + c.memory, c.direct_end, c.base),
    )


@obligation(supports="route-agrees", about=unmap_is_direct, mutant=(base_ignored, first_byte_left_out))
def every_handle_of_a_direct_mapping_is_direct(c: RouteCase) -> Claim:
    """Unmap takes every bus address of a direct mapping for direct, so that a partial sync or unmap agrees too."""
    offset, assume = c.word("offset"), [c.window_is_on_the_bus]
    if not (c.maps_directly(c.kernel.map_is_direct) & (offset < c.size)):
        return c.claim(assume=assume, cover={"another address": c.rule(c.base, c.direct_end, c.base)}, goal=True)
    return c.claim(
        assume=assume,
        cover={"the last byte of the direct part": c.memory + offset + 1 == c.direct_end},
        goal=c.rule(c.base + c.memory + offset, c.direct_end, c.base),
    )


@obligation(supports="route-agrees", about=unmap_is_direct, mutant=by_offset_alone)
def no_handle_behind_the_direct_part_is_direct(c: RouteCase) -> Claim:
    """Unmap frees what map allocated in the dynamic part of a split window, which lies behind the direct part."""
    handle = c.word("handle")
    behind = (handle >= c.base) & (handle - umin(c.base, handle) >= c.direct_end)
    return c.claim(
        assume=[],
        cover={"the first byte behind it": behind & (handle - umin(c.base, handle) == c.direct_end)},
        goal=implies(behind, negate(c.rule(handle, c.direct_end, c.base))),
    )


@obligation(supports="route-agrees", about=unmap_is_direct, mutant=below_the_end)
def no_handle_below_the_window_is_direct(c: RouteCase) -> Claim:
    """Unmap frees what map allocated in the default window, which lies below."""
    handle = c.word("handle")
    return c.claim(
        assume=[],
        cover={"a handle in the default window": (handle < c.base) & (c.direct_end > 0)},
        goal=implies(handle < c.base, negate(c.rule(handle, c.direct_end, c.base))),
    )


@obligation(supports="limit-matches-split", about=map_is_direct, mutant=(start_only, end_ignored))
def what_is_direct_lies_in_the_direct_part(c: RouteCase) -> Claim:
    """Memory that is routed directly lies in the direct part to its last byte, and there is some."""
    return c.claim(
        assume=[c.window_is_on_the_bus, c.memory_is_real],
        cover={"some memory is direct": c.maps_directly(c.kernel.map_is_direct)},
        goal=implies(c.maps_directly(c.rule), (c.memory + c.size <= c.direct_end) & (c.size > 0)),
    )


@obligation(supports="handle-in-mask", about=map_is_direct, mutant=mask_checked_at_the_start)
def what_is_direct_is_within_the_mask(c: RouteCase) -> Claim:
    """The last byte of memory that is routed directly is one that the device can address."""
    assume = [c.window_is_on_the_bus]
    if not c.maps_directly(c.rule):
        return c.claim(assume=assume, cover={"not direct": True}, goal=True)
    return c.claim(
        assume=assume,
        cover={"up to the mask": c.base + c.memory + (c.size - 1) == c.mask},
        goal=c.base + c.memory + (c.size - 1) <= c.mask,
    )


@obligation(supports="limit-matches-split", about=map_is_direct, mutant=last_byte_left_out)
def what_lies_in_the_direct_part_within_the_mask_is_direct(c: RouteCase) -> Claim:
    """Memory in the direct part that the device can address is routed directly, so that it costs no TCE."""
    assume = [c.window_is_on_the_bus, c.memory_is_real]
    direct = c.maps_directly(c.rule)
    if (c.size == 0) | (c.memory + c.size > c.direct_end):
        return c.claim(assume=assume, cover={"not in the direct part": True}, goal=True)
    return c.claim(
        assume=assume,
        cover={"all of the direct part": c.size == c.direct_end, "out of reach": negate(direct)},
        goal=implies(c.base + c.memory + (c.size - 1) <= c.mask, direct),
    )


def pages_only(memory: Any, size: Any, direct_end: Any, base: Any, mask: Any) -> Any:
    """Wrong: only whole 4 KB pages go direct."""
    if size & 0xFFF != 0:
        return False
    return map_is_direct(memory, size, direct_end, base, mask)


@obligation(supports="limit-matches-split", about=map_is_direct, mutant=(pages_only, last_byte_left_out))
def a_direct_part_within_the_mask_bypasses(c: RouteCase) -> Claim:
    """Where the device reaches the whole direct part, all memory in it is direct: the answer may say bypass."""
    assume = [c.window_is_on_the_bus, c.memory_is_real]
    direct = c.maps_directly(c.rule)
    if (c.size == 0) | (c.memory + c.size > c.direct_end):
        return c.claim(assume=assume, cover={"elsewhere": True}, goal=True)
    reached = c.base + (c.direct_end - 1) <= c.mask
    return c.claim(assume=assume, cover={"all of it": reached}, goal=implies(reached, direct))


@obligation(supports="route-agrees", about=map_is_direct, mutant=end_ignored)
def without_a_direct_part_nothing_is_direct(c: RouteCase) -> Claim:
    """A window for dynamic TCEs alone routes no memory directly."""
    direct = c.rule(c.memory, c.size, word(0), c.base, c.mask)
    return c.claim(assume=[], cover={"some memory": c.size > 0}, goal=negate(direct))
