# SPDX-License-Identifier: GPL-2.0-or-later
"""Platforms, partitions and dictated answers, in two strengths: mostly valid, and anything.

Rare states are drawn on purpose: borders of I/O pages, blocks that are no power of two, RAM with holes, windows that
just fit or just do not, values at both ends of their range.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import product

from hypothesis import strategies as st

from model.calls import HcallStatus, RtasStatus
from model.events import Fault
from model.profiles import PROFILES, Choices, Lpar, MultiTce, Profile
from model.types import GIB, KIB, MIB, TIB, BusAddress, PageShift, PhysAddr, SegmentLimits, Span


class Strength(StrEnum):
    """How far a drawn configuration may be from what platforms really are."""

    VALID = "valid"
    ANYTHING = "anything"


PAGE_MASKS = (0x103, 0x3, 0x7, 0x107, 0x1)
"""Page-size masks that platforms print."""
HUGE_PAGE_MASKS = (0x87, 0x80, 0x187, 0x80, 0x9, 0x11, 0x21, 0x47)
"""Masks with pages of 32 MiB to 16 GiB, which RAM blocks need not be multiples of."""
PAGE_SHIFTS = (12, 16, 24, 25, 26, 27, 28, 34, 21)
"""The page of each bit of a mask. LoPAR table 129."""
UNITS = (16 * MIB, 16 * MIB, 256 * MIB, GIB, 16 * GIB, 16 * GIB, TIB)
"""What RAM blocks are multiples of; the largest makes partitions of up to 64 TiB."""
LOW_MMIO = Span(BusAddress(0xC0000000), BusAddress(0xC0011000))
"""32-bit MMIO that ends inside a 64K page."""

PLACES = (
    (LOW_MMIO.start, LOW_MMIO), (LOW_MMIO.start, LOW_MMIO), (1 << 31, LOW_MMIO), (0xF0000000, LOW_MMIO), (0, LOW_MMIO),
    (1 << 32, None), (1 << 40, LOW_MMIO), (1 << 63, None),
)  # fmt: skip
"""Where created windows start, and the 32-bit MMIO of the PHB: A6 allows any place."""

RTAS_ANSWERS = {
    "query": (RtasStatus.HARDWARE, RtasStatus.PARAMETER),
    "create": (RtasStatus.HARDWARE, RtasStatus.BUSY, RtasStatus.PARAMETER, RtasStatus.DELAY_1MS, RtasStatus.DELAY_100S),
    "remove": (RtasStatus.HARDWARE, RtasStatus.PARAMETER),
    "reset": (RtasStatus.HARDWARE, RtasStatus.BUSY, RtasStatus.PARAMETER),
}
"""Statuses that LoPAR tables 129, 130, 131, 133 allow besides success."""
HCALL_ANSWERS = (HcallStatus.HARDWARE, HcallStatus.PARAMETER, HcallStatus.NOT_ENOUGH_RESOURCES, HcallStatus.BUSY,
                 HcallStatus.RESOURCE)  # fmt: skip
ALLOCATIONS = tuple(
    f"allocate {what}"
    for what in ("bitmap", "table", "property", "list-entry", "failed-entry", "saved-property", "tce-page")
)
"""The guest's allocations that can fail, by what is allocated."""
COHERENT_PAGES = "allocate coherent"
"""The pages of a coherent buffer."""
USER_VIEW = "allocate userspace-view"
"""Where the kernel notes what user space maps."""
WRITES = ("H_PUT_TCE", "H_STUFF_TCE", "H_PUT_TCE_INDIRECT")


def choices() -> st.SearchStrategy[Choices]:
    """An answer for each point on which LoPAR is silent."""
    default = Choices()
    fields = {name: st.sampled_from(type(getattr(default, name))) for name in Choices.__slots__}
    return st.builds(Choices, **fields)


def sizes(largest: int) -> st.SearchStrategy[int]:
    """Powers of two up to 2^largest, their neighbours, and three halves of them."""
    power = st.integers(0, largest).map(lambda k: 1 << k)
    return st.one_of(power, power, st.tuples(power, st.sampled_from((-1, 1))).map(sum), power.map(lambda p: p * 3 // 2))


@st.composite
def platforms(draw: st.DrawFn, name: str, strength: Strength, lpar: Lpar) -> Profile:
    """The platform `name` with other page sizes, places and choices, its block of TCEs about what the RAM needs."""
    profile = PROFILES[name]
    if draw(st.booleans()):
        profile = replace(profile, choices=draw(choices()))
    shape = draw(st.integers(0, 5))
    if shape >= 2:
        pages = draw(st.sampled_from(straddled(lpar.blocks) if shape >= 4 else PAGE_MASKS))
        profile = replace(profile, pages=pages)
    if draw(st.booleans()):
        profile = replace(profile, block=draw(blocks_about(lpar.hotplug_max, profile.pages)))
    if draw(st.integers(0, 3)) == 0:
        base, mmio = draw(st.sampled_from(PLACES))
        block = draw(st.sampled_from((64, profile.block)))  # below 4 GiB only a dynamic window can be of use
        profile = replace(
            profile, dma64=BusAddress(base), limited=BusAddress(min(base, 1 << 40)), mmio32=mmio, block=block
        )
    if draw(st.integers(0, 7)) == 0:
        extensions = draw(
            st.sampled_from(((), (1, 0x56), (2, 0x56, 1), (3, 0x56, 1, 0), (3, 0x56, 1, 1), (4, 0x56, 1, 1, 9)))
        )
        outputs = 6 if len(extensions) > 2 and extensions[2] == 1 else 5
        profile = replace(profile, extensions=extensions, query_outputs=outputs)
    if strength is Strength.ANYTHING and draw(st.booleans()):
        profile = replace(profile, applicable=draw(st.integers(0, 7)) > 0)
        pages = draw(st.one_of(st.sampled_from((0, 0x200)), st.integers(0, 0x3FF), st.integers(0, 0x3FF)))
        profile = replace(profile, pages=pages, block=draw(st.one_of(st.just(0), sizes(51))),
                          windows=draw(st.integers(0, 3)))  # fmt: skip
    return profile


def power_of(size: int) -> int:
    """The smallest power of two that is not less."""
    return 1 << max(0, size - 1).bit_length()


def largest_shift(pages: int) -> int:
    """log2 of the largest page of a mask; 4 KiB for a mask without any."""
    return max((shift for bit, shift in enumerate(PAGE_SHIFTS) if pages >> bit & 1), default=12)


def straddled(blocks: tuple[Span[PhysAddr], ...]) -> tuple[int, ...]:
    """Masks of huge pages that some of the blocks begin inside; all masks if there are none."""
    inside = [mask for mask in HUGE_PAGE_MASKS if any(b.start % (1 << largest_shift(mask)) for b in blocks)]
    return tuple(inside) or HUGE_PAGE_MASKS


def blocks_about(ram: int, pages: int) -> st.SearchStrategy[int]:
    """Blocks of TCEs that just hold `ram` bytes, just do not, or hold much more, to 2^63; some are no power of two."""
    shift = largest_shift(pages)
    needed = max(1, -(-ram >> shift))
    power = power_of(needed)
    return st.sampled_from(
        (
            power,
            power // 2 or 1,
            power // 2 or 1,
            power * 2,
            power * 8,
            power + power // 2 or 1,
            power * 2 - 1,
            needed,
            64,
            1 << (60 - shift),
            1 << (63 - shift),
        )
    )


@st.composite
def ram(draw: st.DrawFn) -> tuple[Span[PhysAddr], ...]:
    """One to five blocks of RAM in order, some with holes between them, up to 64 TiB in all."""
    unit = draw(st.sampled_from(UNITS))
    blocks, at = [], 0
    for _ in range(draw(st.integers(1, 5))):
        at += draw(st.sampled_from((0, 0, 0, 1, 3))) * unit
        size = draw(st.sampled_from((1, 1, 2, 3, 7, 16))) * unit
        if at + size > 64 * TIB:
            break
        blocks.append(Span(PhysAddr(at), PhysAddr(at + size)))
        at += size
    return tuple(blocks)


@st.composite
def partitions(draw: st.DrawFn, strength: Strength) -> Lpar:
    """A partition. Its RAM maximum may lie beyond its RAM; in strength ANYTHING also below it."""
    blocks = draw(ram())
    online = tuple(k for k in range(len(blocks)) if k == 0 or draw(st.booleans()))
    top = blocks[-1].stop
    maximum = draw(st.sampled_from((top, top, 2 * top, top + 16 * MIB)))
    if strength is Strength.ANYTHING and draw(st.booleans()):
        maximum = draw(st.sampled_from((0, 1, top // 2, top - 1, top * 3, 64 * TIB)))
    if len(blocks) > 1 and draw(st.integers(0, 3)) == 0:  # RAM will be added beyond the maximum known at boot
        maximum, online = blocks[0].stop, (0,)
    vpmem: list[Span[PhysAddr]] = []
    at = max(top, maximum)
    for _ in range(draw(st.sampled_from((0, 1, 1, 2)))):
        size = draw(st.sampled_from((16 * MIB, 3 * GIB, 64 * GIB)))
        gap = draw(st.sampled_from((0, GIB, top)))
        start = at + gap if draw(st.integers(0, 3)) else top  # sometimes below the RAM maximum
        span = Span(PhysAddr(start), PhysAddr(start + size))
        if not any(span.touches(other) for other in vpmem):
            vpmem.append(span)
        at = max(at, span.stop)
    there = tuple(k for k in range(len(vpmem)) if draw(st.integers(0, 3)))
    page = PageShift(draw(st.sampled_from((16, 12))))
    kept = draw(st.sampled_from(RESERVED))
    return Lpar(
        blocks, online, PhysAddr(maximum), tuple(vpmem), there, page,
        draw(st.sampled_from(FIRMWARE)), draw(st.sampled_from(FUNCTIONS)),
        () if kept is None else (reserved(blocks[0], *kept, page),),
    )  # fmt: skip


FIRMWARE = (MultiTce.BOTH,) * 11 + (MultiTce.NONE, MultiTce.NONE, MultiTce.INDIRECT, MultiTce.STUFF)
"""What of hcall-multi-tce the firmware has."""
RESERVED = (None,) * 27 + tuple(product(("start", "middle", "end"), (1, 3, 33)))
"""What is reserved of the first block: nothing, or kernel pages, fewer and more than an I/O page holds."""
FUNCTIONS = ((0,), (0,), (0, 1), (0, 1), (0, 0), (0, 0, 1))
"""Which PE each device belongs to."""


def reserved(block: Span[PhysAddr], where: str, pages: int, page: int) -> Span[PhysAddr]:
    """Some kernel pages of a block: its first, its last, or those from its middle on."""
    size = pages << page
    start = {"start": block.start, "end": block.stop - size}.get(where, block.start + block.size // 2)
    return Span(PhysAddr(start), PhysAddr(start + size))


def faults(*points: str) -> st.SearchStrategy[tuple[Fault, ...]]:
    """In three of five cases none; else a dictated answer at one of the points, or two: a failure and a failing clean-up.

    Every possibility is listed beforehand, so that choosing one costs Hypothesis a single draw.
    """
    single = [(fault,) for point in points for fault in _faults_at(point)]
    double = [(first, second) for first in FIRST_FAILURES for second in FAILING_CLEAN_UP]
    double += [
        (first, FAILING_CLEAN_UP[0]) for first in FIRST_FAILURES[:2]
    ] * 4  # only these leave the default to reset
    some = single + (double if "reset" in points else [])
    return st.sampled_from([()] * (len(some) * 3 // 2) + some)


def _faults_at(point: str) -> list[Fault]:
    if point.startswith("allocate "):
        return [Fault(point, 0, 0)] * 8
    answers = RTAS_ANSWERS.get(point) or HCALL_ANSWERS
    found = [Fault(point, skip, int(answer)) for skip in SKIPS.get(point, (0, 1)) for answer in answers]
    return found * 4 if point in ("create", "reset", "remove") else found  # they come up least


SKIPS = {"query": (0, 1), "create": (0,), "remove": (0, 1), "reset": (0, 1)}
"""How many calls of a kind pass before the dictated answer; at most one where not named."""
FIRST_FAILURES = (
    Fault("create", 0, int(RtasStatus.HARDWARE)), Fault("query", 1, int(RtasStatus.HARDWARE)),
    Fault("allocate property", 0, 0), Fault("allocate table", 0, 0), Fault("allocate bitmap", 0, 0),
    Fault("H_PUT_TCE_INDIRECT", 0, int(HcallStatus.HARDWARE)),
)  # fmt: skip
FAILING_CLEAN_UP = (
    Fault("reset", 0, int(RtasStatus.BUSY)), Fault("reset", 0, int(RtasStatus.HARDWARE)),
    Fault("reset", 0, int(RtasStatus.PARAMETER)), Fault("remove", 0, int(RtasStatus.HARDWARE)),
    Fault("H_STUFF_TCE", 0, int(HcallStatus.HARDWARE)),
    Fault("H_STUFF_TCE", 1, int(HcallStatus.PARAMETER)),
)  # fmt: skip
ALL_POINTS = (*ALLOCATIONS, *RTAS_ANSWERS, *WRITES)
TAKE_POINTS = ("allocate saved-property", "allocate saved-property", "remove", "reset", *("H_STUFF_TCE",) * 4)
"""Where something can fail when user space takes a PE."""
USER_POINTS = (
    *(f"allocate {what}" for what in ("bitmap", "table", "property", "list-entry", "saved-property")), *(USER_VIEW,) * 4,
    *RTAS_ANSWERS, "H_PUT_TCE", "H_STUFF_TCE",
)  # fmt: skip
"""Where something can fail of what user space asks for."""


COHERENT_BITS = (24, 31, 32, 32, 33, 40, 48, 63, 64, 64, 64, 64)
"""Widths of coherent masks in bits."""
MASK_BITS = (64,) * 60 + tuple(range(33, 64)) + (32, 31, 24, 32)
"""Widths of DMA masks in bits: mostly 64, else 33 to 63, seldom 32 and less."""
LENGTHS = (0, 1, 4096, 4097, 65536, 65537, 1 << 20, (1 << 21) + 1, 1 << 24)
"""Lengths of mappings in bytes."""


class Place(StrEnum):
    """Where in a memory range a mapping lies."""

    START = "start"
    END = "end"
    BORDER = "across an I/O page"
    MIDDLE = "middle"


class Interruption(StrEnum):
    """What ends what a driver does."""

    REPLACE = "the device goes and comes back"
    DETACH = "the device goes"
    REPLUG = "the function goes and comes back, its node stays"
    PE = "all functions of the PE go and come back"
    FROZEN = "they come back without a window"
    EEH = "the slot is reset"
    REBOOT = "the partition reboots"
    KEXEC = "another kernel is started"
    KDUMP = "the kernel crashes and is dumped"


INTERRUPTIONS = (*Interruption, Interruption.REPLACE, Interruption.REPLACE, Interruption.PE)
"""Each of them, some more often."""


class Beside(StrEnum):
    """What another CPU does in the middle of a step."""

    ONLINE = "a block goes online"
    OFFLINE = "a block goes offline"
    PROBE = "a driver sets a mask of 64 bits"
    MAP = "a driver maps memory"
    UNMAP = "a driver ends a mapping"
    DETACH = "a device goes"
    CRASH = "the kernel crashes"


Meanwhile = tuple[Beside, int, int] | None
"""What another CPU does, after how many points, and with which device, block or mapping."""


def meanwhile(*kinds: Beside) -> st.SearchStrategy[Meanwhile]:
    """In two of three cases nothing; else one of some kinds of events, at one of the first points or later."""
    some = [(kind, after, which) for kind in kinds for after in (0, 1, 2, 3, 4, 6, 9) for which in (0, 1, 3)]
    return st.sampled_from([None] * (2 * len(some)) + some)


Probe = tuple[int, tuple[Fault, ...]]
"""A driver's first mask, in bits, and what is dictated while it is set."""


@st.composite
def configurations(draw: st.DrawFn, platform: str, strength: Strength) -> tuple[Profile, Lpar, list[Probe]]:
    """What an example starts from: a platform, a partition, and the masks that drivers set at boot."""
    lpar = draw(partitions(strength))
    profile = draw(platforms(platform, strength, lpar))
    if draw(st.integers(0, 11)) == 0:
        profile, lpar = at_the_edge(profile, lpar)
    probe = st.tuples(st.sampled_from(MASK_BITS), faults(*ALL_POINTS))
    fewest = draw(st.sampled_from((0, lpar.devices, lpar.devices)))
    return profile, lpar, draw(st.lists(probe, min_size=fewest, max_size=lpar.devices))


def at_the_edge(profile: Profile, lpar: Lpar) -> tuple[Profile, Lpar]:
    """The same with RAM that ends at a power of two, and direct windows that begin at that one: the last byte of RAM is
    the last that a mask of one bit more reaches.
    """
    end = PhysAddr(power_of(max(lpar.blocks[-1].stop, 4 * GIB)))
    blocks = (*lpar.blocks[:-1], Span(lpar.blocks[-1].start, end))
    online = tuple(sorted({*lpar.online, len(blocks) - 1}))
    block = max(1, end >> largest_shift(profile.pages))
    return (
        replace(profile, dma64=BusAddress(end), limited=BusAddress(end), mmio32=None, block=block),
        replace(lpar, blocks=blocks, online=online, hotplug_max=end, vpmem=(), vpmem_at_boot=()),
    )


def set_aside(block: Span[PhysAddr], which: int, page: int) -> Span[PhysAddr]:
    """A quarter of a RAM block in whole pages: the memory that a kernel sets aside for one that dumps it."""
    quarter = max(1, block.size // 4 >> page) << page
    start = block.start + which % 4 * quarter
    return Span(PhysAddr(start), PhysAddr(min(start + quarter, block.stop)))


BUFFERS = tuple(product(Place, LENGTHS, (0, 0, 1, 4095, 4096, 70000)))
"""Places, lengths and offsets of buffers."""


def place(memory: Span[PhysAddr], where: Place, size: int, offset: int) -> Span[PhysAddr]:
    """A buffer of at most `size` bytes inside `memory`, at the place asked for, moved by `offset` bytes."""
    size = min(size, memory.size)
    last = memory.stop - size
    if where is Place.START:
        start = memory.start + offset
    elif where is Place.END:
        start = last - offset
    elif where is Place.BORDER:
        border = -(-(memory.start + 1) // (1 << 21)) * (1 << 21)
        start = border - size // 2 - offset
    else:
        start = memory.start + memory.size // 2 + offset
    start = max(memory.start, min(start, last))
    return Span(PhysAddr(start), PhysAddr(start + size))


LIMITS = (
    SegmentLimits(64 * KIB, (1 << 32) - 1), SegmentLimits(64 * KIB, (1 << 32) - 1), SegmentLimits(4 * MIB, (1 << 32) - 1),
    SegmentLimits((1 << 32) - 1, (1 << 32) - 1), SegmentLimits(64 * KIB, 0xFFFF), SegmentLimits(MIB, 128 * KIB - 1),
    SegmentLimits(2 * GIB, (1 << 64) - 1), SegmentLimits(2 * GIB, (1 << 32) - 1), SegmentLimits(4 * KIB, 4 * KIB - 1),
)  # fmt: skip
"""What devices want of a segment: what PCI sets, and what drivers of disks and of network cards set."""


class Then(StrEnum):
    """Where in memory the next element of a scatterlist lies."""

    NEXT = "behind the one before, to the end of a page"
    APART = "some pages further on"
    BACK = "where the list began"
    OTHER = "in another range of memory"
    EVEN = "at a multiple of its length"


SCATTERS: tuple[tuple[tuple[Then, int], ...], ...] = (
    (),
    *(((then, size),) for then in Then for size in (1, 4 * KIB, 64 * KIB) if then is not Then.EVEN),
    *(((Then.NEXT, size),) * times for times in (2, 3, 4) for size in (4 * KIB, 64 * KIB, 2 * MIB)),
    ((Then.EVEN, 2 * GIB), (Then.NEXT, 2 * GIB)),
    ((Then.NEXT, 16 * MIB), (Then.NEXT, 4096)),
    ((Then.APART, 4096), (Then.NEXT, 4096), (Then.NEXT, 70000)), ((Then.APART, 64 * KIB),) * 4,
    ((Then.NEXT, 64 * KIB), (Then.OTHER, 64 * KIB), (Then.NEXT, 64 * KIB)),
    ((Then.OTHER, 4096), (Then.BACK, 4096), (Then.OTHER, 5000), (Then.APART, 1)),
    ((Then.NEXT, 4096), (Then.APART, 4096), (Then.NEXT, 4096), (Then.OTHER, 1 << 20)),
    ((Then.NEXT, 0), (Then.NEXT, 4096)), ((Then.APART, 0), (Then.OTHER, 64 * KIB), (Then.NEXT, 0)),
)  # fmt: skip
"""The elements behind the first: where they lie and how long they are at most."""


def scatter(
    memory: Sequence[Span[PhysAddr]], which: int, first: Span[PhysAddr], others: Sequence[tuple[Then, int]],
    limits: SegmentLimits, page: int,
) -> tuple[Span[PhysAddr], ...]:  # fmt: skip
    """A scatterlist within the limits of its device that begins with part of `first`, which lies in memory[which].

    Elements that do not fit are left out. page: where an element ends that another one follows.
    """
    elements = [kept_within(first, memory[which], limits)]
    for then, size in others:
        before, step = elements[-1], max(size, 1)
        if then is Then.OTHER:
            which = (which + 1) % len(memory)
        start = {
            Then.NEXT: before.stop, Then.APART: before.stop + 3 * page, Then.BACK: elements[0].start,
            Then.OTHER: memory[which].start, Then.EVEN: -(-memory[which].start // step) * step,
        }[then]  # fmt: skip
        stop = start + size
        if then is Then.NEXT and size >= page:
            stop -= stop % page
        if memory[which].start <= start <= stop and start < memory[which].stop:
            elements.append(kept_within(Span(PhysAddr(start), PhysAddr(stop)), memory[which], limits))
    return tuple(elements)


def kept_within(element: Span[PhysAddr], memory: Span[PhysAddr], limits: SegmentLimits) -> Span[PhysAddr]:
    """As much of an element as lies in memory, is not too long and ends before the segment boundary."""
    stop = min(element.stop, memory.stop, element.start + limits.longest, (element.start | limits.boundary) + 1)
    return Span(element.start, PhysAddr(stop))


def scatter_faults() -> st.SearchStrategy[tuple[Fault, ...]]:
    """In three of five cases none; else one write of TCEs fails, in the first to fourth element, or its page for lists."""
    some = [(Fault(point, skip, int(answer)),) for point in WRITES for skip in range(4) for answer in HCALL_ANSWERS[:3]]
    some += [(Fault("allocate tce-page", 0, 0),)] * 6
    return st.sampled_from([()] * (len(some) * 3 // 2) + some)


COHERENT_SIZES = (0, 1, 4096, 5000, 65536, 65537, 100_000, 1 << 20, (1 << 20) + 1, 16 * MIB)
"""What drivers ask for, in bytes."""


def coherent_memory(memory: Span[PhysAddr], where: Place, size: int, page: int) -> Span[PhysAddr] | None:
    """A buffer at a multiple of its power of two pages inside `memory`; None if there is no room."""
    block = 1 << max(page, (size - 1).bit_length() if size else 0)
    first, last = -(-memory.start // block), memory.stop // block - 1
    if last < first:
        return None
    at = {Place.START: first, Place.END: last}.get(where, (first + last) // 2) * block
    return Span(PhysAddr(at), PhysAddr(at + size))
