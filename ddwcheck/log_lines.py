# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines about DDW in a kernel log, as facts. Formats: query_ddw(), create_ddw(), enable_ddw() and their callers.

A line is recognised by a phrase and must then have the phrase's whole format: a line about DDW is never skipped.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from ddwcheck import BadInput


class Query(NamedTuple):
    """ibm,query-pe-dma-window; the last three are None in kernels that do not print them."""

    config_addr: int
    buid: int
    status: int
    block: int | None
    pages: int | None
    windows: int | None


class Create(NamedTuple):
    """ibm,create-pe-dma-window."""

    config_addr: int
    buid: int
    page_shift: int
    window_shift: int
    status: int
    liobn: int
    base: int


class Reset(NamedTuple):
    """ibm,reset-pe-dma-windows; limited: the form that asks for limited addressing."""

    config_addr: int
    buid: int
    status: int
    limited: bool


class Remove(NamedTuple):
    """ibm,remove-pe-dma-window; buid: of the PHB in the node's path, None if it names none."""

    buid: int | None
    status: int
    liobn: int


class CannotMap(NamedTuple):
    """RAM up to `ram` does not fit into `block` pages of `page` bytes."""

    ram: int
    block: int
    page: int


class Created(NamedTuple):
    """The TCE table of the window that create has made."""

    liobn: int


class Summary(NamedTuple):
    """The last line of enable_ddw(): limited addressing required and enabled, and whether it maps directly."""

    required: bool
    enabled: bool
    direct: bool


class Limit(NamedTuple):
    """Direct DMA ends at this bus address: bus_dma_limit."""

    address: int


class Note(NamedTuple):
    """A line that only says that something happened; `what` is one of the names below."""

    what: str


VPMEM = "vPMEM is skipped"
DEFAULT_REMOVED = "the default window was removed"
PREMAP_FAILED = "the pre-map failed"
IN_USE = "the default window is in use"
NOT_LIMITED = "limited addressing is not supported"
NO_PAGE_SIZE = "no page size is supported"
NO_WINDOW = "no window is free"

Fact: TypeAlias = Query | Create | Reset | Remove | CannotMap | Created | Summary | Limit | Note


class Line(NamedTuple):
    """A line about DDW. pci: the device's PCI name, None for a line that names none; driver: the name before it."""

    number: int
    driver: str
    pci: str | None
    fact: Fact


def _hex(text: str) -> int:
    return int(text, 16)


def _query(m: re.Match[str]) -> Fact:
    block, pages, windows = (None, None, None) if m["lb"] is None else (_hex(m["lb"]), _hex(m["ps"]), int(m["wn"]))
    return Query(_hex(m["cfg"]), _hex(m["hi"]) << 32 | _hex(m["lo"]), int(m["status"]), block, pages, windows)


def _create(m: re.Match[str]) -> Fact:
    buid, base = _hex(m["hi"]) << 32 | _hex(m["lo"]), _hex(m["base_hi"]) << 32 | _hex(m["base_lo"])
    return Create(_hex(m["cfg"]), buid, _hex(m["page"]), _hex(m["window"]), int(m["status"]), _hex(m["liobn"]), base)


def _reset(m: re.Match[str]) -> Fact:
    return Reset(_hex(m["cfg"]), _hex(m["hi"]) << 32 | _hex(m["lo"]), int(m["status"]), m["limited"] is not None)


def _remove(m: re.Match[str]) -> Fact:
    phb = re.match(r"/pci@([0-9a-f]{1,16})(?:/|$)", m["node"])
    return Remove(_hex(phb[1]) if phb else None, int(m["status"]), _hex(m["liobn"]))


def _flag(text: str) -> bool:
    return text == "1"


_CELL = "[0-9a-f]{1,8}"
_PE = rf"(?P<cfg>{_CELL}) (?P<hi>{_CELL}) (?P<lo>{_CELL})"
_STATUS = r"returned (?P<status>-?[0-9]{1,10})"


class _Kind(NamedTuple):
    """One kind of line: the phrase that marks it, its whole format, and how it becomes a fact."""

    phrase: str
    format: re.Pattern[str]
    fact: Callable[[re.Match[str]], Fact]


def _kind(phrase: str, format: str, fact: Callable[[re.Match[str]], Fact]) -> _Kind:
    return _Kind(phrase, re.compile(format), fact)


_CALLS = (
    _kind(
        "ibm,query-pe-dma-window",
        rf"ibm,query-pe-dma-windows?\({_CELL}\) {_PE} {_STATUS}"
        rf"(?:, lb=(?P<lb>[0-9a-f]{{1,16}}) ps=(?P<ps>{_CELL}) wn=(?P<wn>-?[0-9]{{1,10}}))?",
        _query,
    ),
    _kind(
        "ibm,create-pe-dma-window",
        rf"ibm,create-pe-dma-window\({_CELL}\) {_PE} (?P<page>{_CELL}) (?P<window>{_CELL}) {_STATUS} "
        rf"\(liobn = 0x(?P<liobn>{_CELL}) starting addr = (?P<base_hi>{_CELL}) (?P<base_lo>{_CELL})\)",
        _create,
    ),
    _kind(
        "ibm,reset-pe-dma-window",
        rf"ibm,reset-pe-dma-windows?\({_CELL}\) (?P<limited>for Limited Addr Support: )?{_PE} {_STATUS}",
        _reset,
    ),
    _kind(
        "ibm,remove-pe-dma-window",
        r"(?:.*\s)?(?P<node>/\S+): .*rtas returned (?P<status>-?[0-9]{1,10}) "
        rf"to ibm,remove-pe-dma-window\({_CELL}\) (?P<liobn>[0-9a-f]{{1,16}})",
        _remove,
    ),
)
"""RTAS calls: their phrase marks a line about DDW wherever it stands."""

_REMARKS = (
    _kind(
        "can't map partition max",
        r"can't map partition max 0x([0-9a-f]{1,16}) with ([0-9]{1,20}) ([0-9]{1,20})-sized pages",
        lambda m: CannotMap(_hex(m[1]), int(m[2]), int(m[3])),
    ),
    _kind(
        "created tce table", rf"created tce table LIOBN 0x({_CELL}) for \S+", lambda m: Created(_hex(m[1])),
    ),
    _kind(
        "lsa_required",
        "lsa_required: ([01]), lsa_enabled: ([01]), direct mapping: ([01])",
        lambda m: Summary(_flag(m[1]), _flag(m[2]), _flag(m[3])),
    ),
    _kind(
        "direct DMA is limited",
        r"iommu: 64-bit OK but direct DMA is limited by (?:0x)?([0-9a-f]{1,16})",
        lambda m: Limit(_hex(m[1])),
    ),
    _kind("Skipping ibm,pmemory", "Skipping ibm,pmemory", lambda _: Note(VPMEM)),
    _kind("Removed default DMA window", r"Removed default DMA window for \S+", lambda _: Note(DEFAULT_REMOVED)),
    _kind(
        "failed to map", r"failed to map (?:DMA|direct) window for \S+: -?[0-9]{1,10}", lambda _: Note(PREMAP_FAILED),
    ),
    _kind("current IOMMU table in use", r"current IOMMU table in use, can't be replaced\.", lambda _: Note(IN_USE)),
    _kind(
        "Limited Address Space", "Limited Address Space for DDW not Supported, err: -?[0-9]{1,10}",
        lambda _: Note(NOT_LIMITED),
    ),
    _kind("no supported page size", rf"no supported page size in mask {_CELL}", lambda _: Note(NO_PAGE_SIZE)),
    _kind("no free dynamic windows", "no free dynamic windows", lambda _: Note(NO_WINDOW)),
)  # fmt: skip
"""What enable_ddw() says of a device: counted only where a device is named."""

_ANY = re.compile("|".join(re.escape(kind.phrase) for kind in (*_CALLS, *_REMARKS)))
_DEVICE = re.compile(
    r"(?:^|\s)(?P<driver>[^\s:]+) (?P<pci>[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]): (?P<text>.*)"
)


def read(lines: Iterable[tuple[int, str]], where: str) -> Iterator[Line]:
    """The lines about DDW; BadInput names one that cannot be read. where: the file, for that message."""
    for number, text in lines:
        if not _ANY.search(text):
            continue
        device = _DEVICE.search(text)
        said = (device["text"] if device else text).strip()
        kind = next((k for k in _CALLS if k.phrase in text), None)
        if kind is None and device:
            kind = next((k for k in _REMARKS if k.phrase in said), None)
        if kind is None:
            continue
        match = kind.format.fullmatch(said)
        if match is None:
            raise BadInput(f"{where}:{number}: cannot read this line about {kind.phrase!r}")
        fact = kind.fact(match)
        if device is None and not isinstance(fact, Remove):
            raise BadInput(f"{where}:{number}: no device before {kind.phrase!r}")
        yield Line(number, device["driver"] if device else "", device["pci"] if device else None, fact)
