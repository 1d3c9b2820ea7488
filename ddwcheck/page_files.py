# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck page`: from counterexample folders to one page."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from ddwcheck import BadInput, Verdict, campaign, exhibit
from ddwcheck.campaign import BadCampaign, Campaign
from ddwcheck.exhibit import BadExhibit
from ddwcheck.log_files import shown
from ddwcheck.page import Leaf, write
from model.trace import BadTrace, from_json

LARGEST_FILE = 1 << 26
"""Bytes; a page of such a file is of no use to anyone."""
SUMMARY = "summary.json"
"""Beside counterexample folders, what the run that wrote them did."""
MARK = "finding.json"
"""What makes a folder a counterexample."""


def page(folders: list[str], out: str | None) -> tuple[list[str], Verdict]:
    """Write the page of counterexample folders, or of folders that hold some. BadInput unless each can be read."""
    if out is None and len(folders) > 1:
        raise BadInput("several folders: name the page with -o FILE")
    target = Path(folders[0]) / "index.html" if out is None else Path(out)
    inside, left_out = list[Path](), list[str]()
    for folder in folders:
        found, others = _inside(folder)
        inside += found
        left_out += [f"{shown(str(other))}: no {MARK}, left out" for other in others]
    console = Console(stderr=True)
    quick = not console.is_terminal
    leaves = [leaf(path) for path in track(inside, "reading", console=console, transient=True, disable=quick)]
    summaries = [path for path in (Path(folder) / SUMMARY for folder in folders) if path.exists()]
    if len(summaries) > 1:
        raise BadInput(f"{shown(str(summaries[1]))}: a page tells of one run, and there is another summary")
    try:
        with console.status("writing"):
            write(target, leaves, summary(summaries[0]) if summaries else None)
    except OSError as error:
        raise BadInput(f"{shown(str(target))}: {error.strerror}") from None
    return [*left_out, shown(str(target))], Verdict.HOLDS


def _inside(folder: str) -> tuple[list[Path], list[Path]]:
    """The counterexample folders that are meant, it or those in it if it is none itself; and what else is in it."""
    path = Path(folder)
    try:
        if not path.is_dir():
            raise BadInput(f"{shown(folder)}: no folder")
        if any((path / name).exists() for name in (MARK, exhibit.KEPT)):
            return [path], []
        each = sorted(inside for inside in path.iterdir() if inside.is_dir())
        found = [inside for inside in each if any((inside / name).exists() for name in (MARK, exhibit.KEPT))]
    except (OSError, ValueError) as error:
        raise BadInput(f"{shown(folder)}: {getattr(error, 'strerror', None) or 'not a path'}") from None
    if not found and not (path / SUMMARY).exists():
        raise BadInput(f"{shown(folder)}: no {MARK}, no counterexample")
    return found, [inside for inside in each if inside not in found]


def leaf(folder: Path) -> Leaf:
    """A counterexample folder; BadInput if a part is missing or damaged."""
    data = _checked(folder / MARK, exhibit.from_json, BadExhibit)
    if data.kept == exhibit.KEPT:
        _checked(folder / data.kept, from_json, BadTrace)
    elif not (folder / data.kept).is_file():
        raise BadInput(f"{shown(str(folder / data.kept))}: no such file, which its {MARK} names")
    return Leaf(folder.name, data, _read(folder / "report.txt").decode(errors="replace"))


def summary(path: Path) -> Campaign:
    """What a run did; BadInput if the file is damaged."""
    return _checked(path, campaign.from_json, BadCampaign)


def make_room(out: str) -> None:
    """The folder that will be written to; BadInput before anything is run if it cannot be."""
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise BadInput(f"{shown(out)}: {getattr(error, 'strerror', None) or 'not a path'}") from None
    if not os.access(out, os.W_OK):
        raise BadInput(f"{shown(out)}: cannot be written to")


def keep(folder: Path, ran: Campaign, found: Iterable[Path]) -> Path:
    """Write what a run did, and the page of it and of the counterexamples it has just written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMMARY).write_text(json.dumps(campaign.to_json(ran), indent=1) + "\n")
    return write(folder / "index.html", [leaf(path) for path in found], ran)


T = TypeVar("T")


def _checked(path: Path, parse: Callable[[Any], T], bad: type[Exception]) -> T:
    try:
        return parse(json.loads(_read(path)))
    except bad as wrong:
        raise BadInput(f"{shown(str(path))}: {wrong}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{shown(str(path))}: not JSON") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadInput(f"{shown(str(path))}: {error.strerror}") from None
    if len(raw) > LARGEST_FILE:
        raise BadInput(f"{shown(str(path))}: too large")
    return raw
