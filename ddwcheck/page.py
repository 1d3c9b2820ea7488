# SPDX-License-Identifier: GPL-2.0-or-later
"""`index.html`: a run or campaign as one page that needs nothing else, neither a network nor a file beside it."""

import os
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from ddwcheck import Verdict, drawing, sizes
from ddwcheck.bus_map import Band, BusMap, Lane
from ddwcheck.campaign import Campaign
from ddwcheck.exhibit import NO_CRASH, Exhibit
from ddwcheck.picture import FONT, extent, film, legend, printable
from model.invariants import INVARIANTS
from model.invariants.registry import GUEST_CRASH


class Leaf(NamedTuple):
    """A counterexample on a page. name: of its folder; report: the text for a mail."""

    name: str
    exhibit: Exhibit
    report: str


class Entry(NamedTuple):
    """A counterexample with what the page's script has to know of it."""

    leaf: Leaf
    story: dict[str, Any]


class Row(NamedTuple):
    """An invariant in the table. note: why the verdict is no better."""

    id: str
    sentence: str
    verdict: str
    times: int
    findings: int
    note: str = ""


KEYS: dict[str, Callable[[Exhibit], tuple[str, ...]]] = {
    "invariant": lambda it: (it.invariant,),
    "function": lambda it: it.functions or ("not known",),
    "release": lambda it: it.releases or ("not known",),
    "class": lambda it: classes(it.kind),
}
"""What findings are grouped and filtered by."""
CLASSES = ("kernel", "hypervisor", "spec question", "model", "undecided")
"""Whose mistake a finding may be; undecided beside another: it looks so, and nobody has confirmed it."""


def classes(kind: str) -> tuple[str, ...]:
    """The classes that the words of a report name, before what they say in brackets."""
    said = re.sub(r"\([^)]*\)", "", kind)
    return tuple(name for name in CLASSES if re.search(rf"\b{name}\b", said)) or (kind,)


def write(path: Path, leaves: Sequence[Leaf], campaign: Campaign | None = None) -> Path:
    """Write the page, or leave what was there; OSError if it cannot."""
    text = html(leaves, campaign).encode(errors="replace")
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        fresh.write_bytes(text)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def html(leaves: Sequence[Leaf], campaign: Campaign | None = None) -> str:
    """The page; all that comes from a log, a tree or a file is escaped."""
    style, script = (_included(name) for name in ("page.css.j2", "page.js.j2"))
    leaves = sorted(leaves, key=lambda leaf: leaf.exhibit.invariant)
    pieces: dict[Markup, int] = {}
    entries = [Entry(leaf, story(leaf.exhibit, pieces)) for leaf in leaves]
    key = legend()
    return drawing.environment().get_template("page.html.j2").render(
        title=_title(leaves, campaign), campaign=campaign, entries=entries, pieces=pieces, rows=list(rows(leaves, campaign)),
        values={name: _values(leaves, values) for name, values in KEYS.items()}, keys=KEYS,
        legend=key, legend_parts=list(drawing.pieces(key.parts)),
        style=style, script=script, style_hash=_hash(style), script_hash=_hash(script), headline=headline, extent=extent,
    )  # fmt: skip


def _included(name: str) -> Markup:
    return Markup(drawing.environment().get_template(name).render(font=FONT))


def _hash(text: str) -> str:
    """What a Content-Security-Policy allows a text of the page by: nothing else runs, even if something is not escaped."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _title(leaves: Sequence[Leaf], campaign: Campaign | None) -> str:
    if campaign is not None:
        return campaign.title
    if len(leaves) == 1:
        return f"{printable(leaves[0].exhibit.invariant)}: {headline(leaves[0].exhibit)}"
    return f"{len(leaves):,} findings"


def headline(exhibit: Exhibit) -> str:
    """What is wrong, in one line: a crash has the kernel's log below."""
    return printable(next(iter(exhibit.message.splitlines()), ""))


def _values(leaves: Sequence[Leaf], key: Callable[[Exhibit], tuple[str, ...]]) -> list[tuple[str, int]]:
    """Each value that a finding has, and how many have it."""
    return sorted(Counter(value for leaf in leaves for value in key(leaf.exhibit)).items())


def rows(leaves: Sequence[Leaf], campaign: Campaign | None) -> Iterator[Row]:
    """The table of invariants. What no run is known to have checked does not hold."""
    found = Counter(leaf.exhibit.invariant for leaf in leaves)
    checks = campaign.checks if campaign else {}
    broken = {*found, *(name for leaf in leaves for name in leaf.exhibit.also), *(campaign.broken if campaign else ())}
    sentences = dict(campaign.sentences) if campaign else {}
    sentences = sentences or {name: item.sentence for name, item in INVARIANTS.items()}
    sentences |= {GUEST_CRASH: NO_CRASH} if GUEST_CRASH in broken else {}
    sentences |= {leaf.exhibit.invariant: leaf.exhibit.sentence for leaf in leaves}
    for name in dict.fromkeys([*sentences, *sorted(broken)]):
        sentence = sentences.get(name, "")
        times = checks.get(name, 0)
        note = campaign.unclear.get(name, campaign.open) if campaign else "no summary tells what was checked"
        if campaign and not times:
            note = campaign.unclear.get(name, "never checked")
        verdict = Verdict.VIOLATED if name in broken else Verdict.INCONCLUSIVE if note else Verdict.HOLDS
        yield Row(name, sentence, verdict.name, times, found[name], "" if verdict is Verdict.VIOLATED else note)


def story(exhibit: Exhibit, pieces: dict[Markup, int]) -> dict[str, Any]:
    """The maps of a run for the page's script. pieces: elements of SVG, numbered, each a line in which all that is no tag of
    our own is escaped; those of this run are added.

    frames: of which pieces each map consists; changed: what became and what ceased to be with each step, in words.
    """
    if not exhibit.finding.maps:
        return {}
    shown, maps = film(exhibit.finding), exhibit.finding.maps
    return {
        "box": [0, shown.top, shown.width, shown.height],
        "first": shown.first,
        "frames": [[pieces.setdefault(piece, len(pieces)) for piece in drawing.pieces(parts)] for parts in shown.frames],
        "changed": [[], *(list(changes(one, other)) for one, other in pairwise(maps))],
        "left_out": max(one.left_out for one in maps),
    }  # fmt: skip


def changes(before: BusMap, after: BusMap) -> Iterator[str]:
    """What is on one map and not on the other, in words."""
    for mark, one, other in (("-", before, after), ("+", after, before)):
        gone = set(other.areas)
        yield from (f"{mark} {area.text}: {extent(area.span)}" for area in one.areas if area not in gone)
        kept = set(other.bands)
        yield from (f"{mark} {_told(band)}" for band in one.bands if band not in kept)


def _told(band: Band) -> str:
    what = "the device reaches" if band.lane is Lane.TCE else "a driver holds"
    return f"{what} {band.memory.start:#x} ({sizes.human(band.memory.size)}) at bus {band.bus.start:#x}, {band.text}"
