# SPDX-License-Identifier: GPL-2.0-or-later
"""A known deviation of QEMU as a folder: `report.txt`, `calls.json`, and `windows.svg` with what was expected and what is."""

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.qemu.calls import Call, CallAnswer
from conformance.qemu.guest import QEMU
from conformance.qemu.machine import BRIDGES, RAM
from conformance.qemu.shown import EXAMPLES, Shown
from ddwcheck import sizes
from ddwcheck.bus_map import Area, Band, BusMap, Finding, Lane, Offence, nearest
from ddwcheck.doctor import program
from ddwcheck.drawing import svg
from ddwcheck.listed import Listed
from ddwcheck.picture import picture
from ddwcheck.report import call_line, cut
from model.calls import GetTce, HcallAnswer, RtasCall
from model.hypervisor.papr import Papr
from model.invariants import Violation
from model.ledger import Crossing, hcall_name
from model.types import CONTROL, Span


def differ(done: Shown) -> bool:
    """Whether QEMU still does otherwise than LoPAR has it."""
    return done.expected != done.observed


def write(folder: Path, done: Shown, row: Listed) -> None:
    """Write the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    calls = [{"call": type(call).__name__, **asdict(call)} for call in done.calls]
    wish, got = _first_difference(done)
    data = {"ddwcheck_qemu": 1, "finding": row.id, "calls": calls, "expected": wish, "observed": got}
    (folder / "calls.json").write_text(json.dumps(data, indent=1, default=list) + "\n")
    (folder / "report.txt").write_text(render(done, row))
    (folder / "windows.svg").write_text(svg(picture(drawn(done, row), "", ("as expected", "on QEMU"))))


def render(done: Shown, row: Listed) -> str:
    """The text of the report, at most 75 columns wide."""
    environment = Environment(
        loader=PackageLoader("ddwcheck", "."), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    text = environment.get_template("qemu.txt.j2").render(
        row=row, rule=" ".join((EXAMPLES[row.id].rule.__doc__ or "").split()), version=version(), ram=RAM >> 20,
        bridge=BRIDGES[0], calls=list(_calls(done)),
        versions=f"ddwcheck {metadata.version('ddwcheck')}, QEMU {version()}, Python {platform.python_version()}",
    )  # fmt: skip
    return "".join(cut(line) + "\n" for line in text.splitlines())


@cache
def version() -> str:
    """Of the QEMU that is installed."""
    return program(QEMU)() or "of unknown version"


def _calls(done: Shown) -> Iterator[tuple[str, str, str]]:
    """Each call in words, with what was expected and what came."""
    for number, (call, wish) in enumerate(zip(done.calls, done.expected, strict=True)):
        head, expected = _line(done.papr, call, wish)
        observed = _line(done.papr, call, done.observed[number])[1] if number < len(done.observed) else done.ended
        yield head, expected, observed


def _line(papr: Papr, call: Call, answer: CallAnswer) -> tuple[str, str]:
    """A call and its answer, apart, in the form of reports."""
    names = dict(zip(papr.profile.tokens, ("query", "create", "remove"), strict=True))
    name = names.get(call.token, "reset") if isinstance(call, RtasCall) else hcall_name(call)
    line = call_line(Crossing(name, call, answer, injected=False, pe=None))
    head, mark, rest = line.partition(" returned " if isinstance(call, RtasCall) else ": ")
    read = f", TCE {answer.tce:#x}" if isinstance(call, GetTce) and isinstance(answer, HcallAnswer) else ""
    return head, f"{mark.strip(' :')} {rest}{read}".strip()


def _first_difference(done: Shown) -> tuple[str, str]:
    for _, expected, observed in _calls(done):
        if expected != observed:
            return expected, observed
    return "", done.ended


def drawn(done: Shown, row: Listed) -> Finding:
    """The windows of the PE as they should be and as they are. What the last call names is marked."""
    expected, observed = _first_difference(done)
    last = done.calls[len(done.observed) - 1] if done.observed else done.calls[-1]
    place = None
    if not isinstance(last, RtasCall):
        place = Offence(last.ioba, Span(last.ioba, last.ioba + 4096), "The call names")
    maps = [nearest(_map(papr), place) for papr in (done.other, done.papr)]
    return Finding(Violation(row.id, row.told, expected, observed), len(done.calls), maps[0], maps[1], place)


def _map(papr: Papr) -> BusMap:
    """The windows of the first bridge's PE and what their TCEs reach."""
    pe = next(iter(papr.endpoints))
    areas, bands = [Area(Lane.MEMORY, Span(0, RAM), "RAM")], []
    for window in papr.windows(pe):
        span = Span[int](window.base, window.base + (window.entries << window.page_shift))
        default = papr.endpoints[pe].default.span
        kind = "default" if span == (default.start, default.stop) else "DDW"
        detail = f"LIOBN {window.liobn:#x}, {sizes.page(window.page_shift)} pages"
        areas.append(Area(Lane.WINDOW, span, kind, detail=detail))
        for run in window.table.spans(0, window.entries):
            if run.tce & CONTROL:
                bus = Span[int](
                    window.base + (run.start << window.page_shift), window.base + (run.stop << window.page_shift)
                )
                memory = run.tce & ~0xFFF
                bands.append(Band(Lane.TCE, bus, Span[int](memory, memory + bus.size), "TCEs"))
    return BusMap(tuple(areas), tuple(bands))
