# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that QEMU answers otherwise, as a folder: `report.txt`, `calls.json`, and maps of what was expected and what is."""

import json
import platform
import re
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.qemu import kept
from conformance.qemu.calls import CallAnswer, Made
from conformance.qemu.differ import DMA, TABLES, Access, Difference
from conformance.qemu.guest import QEMU
from conformance.qemu.machine import BRIDGES, RAM
from conformance.qemu.shown import EXAMPLES, Shown, say
from ddwcheck import exhibit, sizes
from ddwcheck import folder as into
from ddwcheck.bus_map import Area, Band, BusMap, Finding, Lane, Offence, along, nearest
from ddwcheck.doctor import program
from ddwcheck.exhibit import Exhibit, Told
from ddwcheck.listed import Listed
from ddwcheck.need import Need
from ddwcheck.picture import picture
from ddwcheck.report import call_line, cut, replay_line
from model.calls import GetTce, HcallAnswer, RtasCall
from model.hypervisor.papr import Papr
from model.invariants import Violation
from model.ledger import Crossing, hcall_name
from model.types import CONTROL, BusAddress, Pe, Span

CALLS = "calls.json"
EXCEPTED = ", but for Q1 to Q10"
ANSWERS = f"QEMU answers the call as the reference does{EXCEPTED}."
SENTENCES = {
    **dict.fromkeys(kept.KINDS, ANSWERS),
    TABLES: f"QEMU's TCEs, read back, are those of the reference{EXCEPTED}.",
    "DMA": "A device of QEMU reaches what `translate` says, byte by byte.",
}
"""What must hold, by what is compared."""
EFFECTS = {
    "RtasCall": "The kernel plans with what it is told: it makes a window that is refused, not where it thinks, or never "
    "tries one that it could have.",
    "GetTce": "Whoever reads the table, as a kernel does that dumps another one, takes a TCE for what it is not.",
    "DMA": "A device reads or writes other memory than its TCEs say.",
}
SETTING = (
    "The kernel takes a call for done, or refused, that was not: a device reaches other memory than was mapped for it."
)
"""Of all calls that set TCEs, and of the tables themselves."""


class Case(NamedTuple):
    """What a report says of the calls. title, told: what is wrong; subject: what differs.

    id, rule: of a known deviation. first: the first difference, if not that of a call. accesses: after the calls.
    """

    title: str
    told: str
    subject: str
    functions: tuple[str, ...]
    kind: str
    found: str
    command: str
    id: str = ""
    rule: str = ""
    first: tuple[str, str] = ("", "")
    accesses: tuple[Access, ...] = ()
    need: Need | None = None

    @property
    def effect(self) -> str:
        """What it means for a system."""
        return EFFECTS.get(self.subject, SETTING)


def of_row(row: Listed, done: Shown, need: Need | None = None) -> Case:
    """A deviation that FINDINGS.md lists."""
    rule = " ".join((EXAMPLES[row.id].rule.__doc__ or "").split())
    title = f"{row.id}: QEMU's {row.function} does otherwise than the reference"
    subject = type(done.calls[_first(done)]).__name__
    return Case(title, row.told, subject, row.functions, row.kind, f"ddwcheck qemu; shown by: ddwcheck findings {row.id}",
                f"ddwcheck findings {row.id}", row.id, rule, need=need)  # fmt: skip


def of_difference(found: Difference, folder: Path, seed: int, need: Need | None = None) -> Case:
    """What no known deviation explains."""
    told = "A call is answered otherwise than expected, and none of the deviations Q1 to Q10 explains it."
    if found.subject in (TABLES, DMA):
        what = "a TCE, read back, is not as expected" if found.subject == TABLES else "a device meets other memory"
        told = f"After the calls {what}, and none of the deviations Q1 to Q10 explains it."
    return Case(f"QEMU differs: {found.subject}", told, found.subject, (), exhibit.UNDECIDED, f"ddwcheck qemu, seed {seed}",
                replay_line(folder, "ddwcheck qemu --replay"), first=(found.expected, found.observed),
                accesses=found.accesses, need=need)  # fmt: skip


def differ(done: Shown) -> bool:
    """Whether QEMU still does otherwise than expected."""
    return done.expected != done.observed


def write(folder: Path, done: Shown, case: Case) -> Path:
    """Write the folder."""
    wish, got = _first_difference(done, case)
    data = {
        "ddwcheck_qemu": kept.VERSION, "calls": list(map(kept.to_json, done.calls)),
        "accesses": list(map(kept.access_to_json, case.accesses)), "expected": wish, "observed": got,
    }  # fmt: skip
    sides = ("as expected", "on QEMU") if case.rule else ("", "as expected after the calls")
    drawn = picture(drawn_sides(done, case), "", sides)
    return into.write(folder, exhibited(done, case), render(done, case), json.dumps(data, indent=1) + "\n", drawn)


def render(done: Shown, case: Case) -> str:
    """The text of the report, at most 75 columns wide."""
    environment = Environment(
        loader=PackageLoader("ddwcheck", "."), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    text = environment.get_template("qemu.txt.j2").render(
        case=case, version=version(), ram=RAM >> 20, bridge=BRIDGES[0], calls=list(_calls(done)),
        first=_first_difference(done, case), need=case.need,
        versions=f"ddwcheck {metadata.version('ddwcheck')}, QEMU {version()}, Python {platform.python_version()}",
    )  # fmt: skip
    return "".join(cut(line) + "\n" for line in text.splitlines()) + f"\nReplay: {case.command}\n"


@cache
def version() -> str:
    """Of the QEMU that is installed."""
    return program(QEMU)() or "of unknown version"


def exhibited(done: Shown, case: Case) -> Exhibit:
    """The calls as data for a page."""
    wish, got = _first_difference(done, case)
    steps = [Told(head, (), _answers(expected, observed)) for head, expected, observed in _calls(done)]
    steps += [Told(str(access), (), (f"expected: {wish}", f"observed: {got}")) for access in case.accesses]
    if case.rule:
        steps.append(Told("What QEMU has after these calls; before this step, what was expected", (), ()))
    return Exhibit(
        invariant=case.subject, sentence=_sentence(case), message=case.told, expected=wish, observed=got, also=(),
        effect=case.effect, why=(case.rule,) if case.rule else (), known=(case.id,) if case.id else (),
        functions=case.functions,
        releases=(f"QEMU {version()}",), fixes=(), kind=case.kind, guest="calls on one PE",
        platform=f"QEMU {version()}, pseries",
        found=case.found, command=case.command, steps=tuple(steps), finding=drawn(done, case, len(steps)), kept=CALLS,
    )  # fmt: skip


def _sentence(case: Case) -> str:
    """What must hold: without the exceptions, where it is about one of these."""
    sentence = SENTENCES[case.subject]
    return sentence.replace(EXCEPTED, "") if case.rule else sentence


def _answers(expected: str, observed: str) -> tuple[str, ...]:
    return (f"{observed}, as expected",) if expected == observed else (f"expected: {expected}", f"observed: {observed}")


def _calls(done: Shown) -> Iterator[tuple[str, str, str]]:
    """Each call in words, with what was expected and what came."""
    for number, (call, wish) in enumerate(zip(done.calls, done.expected, strict=True)):
        head, expected = _line(done.papr, call, wish)
        observed = _line(done.papr, call, done.observed[number])[1] if number < len(done.observed) else done.ended
        yield head, expected, observed


def _line(papr: Papr, call: Made, answer: CallAnswer | None) -> tuple[str, str]:
    """A call and its answer, apart, in the form of reports."""
    names = dict(zip(papr.profile.tokens, ("query", "create", "remove"), strict=True))
    name = names.get(call.token, "reset") if isinstance(call, RtasCall) else hcall_name(call)
    said = answer or HcallAnswer(0)  # type: ignore[arg-type]
    line = call_line(Crossing(name, call, said, injected=False, pe=None))
    head, mark, rest = line.partition(" returned " if isinstance(call, RtasCall) else ": ")
    read = f", TCE {answer.tce:#x}" if isinstance(call, GetTce) and isinstance(answer, HcallAnswer) else ""
    return head, f"{mark.strip(' :')} {rest}{read}".strip() if answer else "QEMU aborts"


def _first(done: Shown) -> int:
    """Which call is answered otherwise; the last one if none is."""
    differing = (n for n, (_, wish, got) in enumerate(_calls(done)) if wish != got)
    return next(differing, len(done.calls) - 1)


def _first_difference(done: Shown, case: Case) -> tuple[str, str]:
    if any(case.first):
        return case.first
    return next(((wish, got) for _, wish, got in _calls(done) if wish != got), ("", done.ended))


def drawn_sides(done: Shown, case: Case) -> Finding:
    """The windows of the PE as they should be and, where it is known, as they are. What the last call names is marked."""
    last = drawn(done, case, len(done.calls))
    place, pe = last.offence, _pe(done)
    before = nearest(_map(done.other, pe), place) if case.rule else None
    after = nearest(_map(done.papr if case.rule else done.other, pe), place)
    return last._replace(before=before, after=after)


def drawn(done: Shown, case: Case, number: int) -> Finding:
    """The windows of the PE as they should be after each call, and at last as they are, if that is known."""
    place, pe, papr = _place(done, case), _pe(done), done.anew()
    maps = [_map(papr, pe)]
    for call in done.calls:
        say(papr, call)
        maps.append(_map(papr, pe))
    maps += [_map(papr, pe)] * len(case.accesses)
    if case.rule:
        maps.append(_map(done.papr, pe))
    story = along(maps[: number + 1], place)
    violation = Violation(case.subject, case.told, *_first_difference(done, case))
    return Finding(violation, number, story[-2], story[-1], place, story)


def _place(done: Shown, case: Case) -> Offence | None:
    """Where on the bus it is: the TCE that was read back, or what the call names that is answered otherwise."""
    if named := re.match(r"window (0x[0-9a-f]+) TCE (0x[0-9a-f]+)", case.first[0]):
        liobn, index = (int(text, 16) for text in named.groups())
        window = next((w for pe in done.other.endpoints for w in done.other.windows(pe) if w.liobn == liobn), None)
        if window is not None:
            at = BusAddress(window.base + (index << window.page_shift))
            return Offence(at, Span(at, at + (1 << window.page_shift)), "What was read back is at")
    if case.accesses:
        bus, size, _ = case.accesses[0]
        return Offence(bus, Span(bus, bus + size), "The device's access is at")
    if not done.calls:
        return None
    last = done.calls[_first(done)]
    return (
        None if isinstance(last, RtasCall) else Offence(last.ioba, Span(last.ioba, last.ioba + 4096), "The call names")
    )


def _pe(done: Shown) -> Pe:
    """Whose windows the last call is about; the first PE's where nothing says."""
    papr = done.other
    if not done.calls:
        return next(iter(papr.endpoints))
    last = done.calls[_first(done)]
    if isinstance(last, RtasCall):
        return next((pe for pe in papr.endpoints if last.args[:3] == pe.cells), next(iter(papr.endpoints)))
    owners = (pe for pe in papr.endpoints if any(window.liobn == last.liobn for window in papr.windows(pe)))
    return next(owners, next(iter(papr.endpoints)))


def _map(papr: Papr, pe: Pe) -> BusMap:
    """The windows of a PE and what their TCEs reach."""
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
