# SPDX-License-Identifier: GPL-2.0-or-later
"""A counterexample as a folder: `report.txt` for a mail, `index.html` and `windows.svg` to see, `trace.json` to replay."""

import json
import platform
import shlex
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.kernel.build import compiler
from conformance.kernel.places import Place
from ddwcheck import exhibit, known, reach
from ddwcheck import folder as into
from ddwcheck.bus_map import finding
from ddwcheck.checks import value
from ddwcheck.effects import EFFECTS
from ddwcheck.exhibit import Exhibit, Told
from ddwcheck.listed import Listed
from ddwcheck.need import Need
from ddwcheck.picture import picture
from model.calls import GetRun, GetTce, HcallAnswer, PutTce, RtasAnswer, RtasCall, StuffTce, TceRun
from model.events import AskMask, Beginning, CreateTable, Fault
from model.interfaces import MaskAnswer
from model.invariants import INVARIANTS, Violation
from model.ledger import Crossing
from model.profiles import Lpar, MultiTce
from model.run import Done, Run, pe_of
from model.trace import Trace, to_json
from model.types import BusAddress, PhysAddr, Span

COLUMNS = 75


def write(
    folder: Path,
    run: Run,
    violations: Sequence[Violation],
    release: str,
    defects: Sequence[str],
    found: str,
    places: Sequence[Sequence[Place | None]] = (),
    need: Need | None = None,
    behind: Sequence[str] = (),
    at: Place | None = None,
    listed: Listed | None = None,
) -> Path:
    """Write the counterexample into `folder`, replacing an older one of the same name; OSError if it cannot.

    places: for each step, where in the guest's code its calls were made, if the guest can tell. need: what was
    learnt of the trace by running others next to it. behind: ids of known defects that explain what the kernel's C does.
    at: the line that it is about. listed: its entry in FINDINGS.md.
    """
    trace = Trace(run.profile, run.lpar, tuple(done.step for done in run.history), release, tuple(defects), found)
    shown = exhibited(folder, run, violations, trace, places, behind, listed)
    text = render(folder, run, violations, trace, places, need, behind, at, listed)
    kept = json.dumps(to_json(trace, run.history, violations), indent=1) + "\n"
    return into.write(folder, shown, text, kept, picture(shown.finding, event_line(run.history[-1], run.lpar)))


def exhibited(
    folder: Path,
    run: Run,
    violations: Sequence[Violation],
    trace: Trace,
    places: Sequence[Sequence[Place | None]] = (),
    behind: Sequence[str] = (),
    listed: Listed | None = None,
) -> Exhibit:
    """The counterexample as data."""
    first, known_of = violations[0], [*trace.defects, *behind]
    where = places or [()] * len(run.history)
    made_calls = (f"{place.function}()" for place in where[-1] if place is not None) if where else ()
    of_row = listed.functions if listed else ()
    return Exhibit(
        invariant=first.invariant,
        sentence=sentence_of(first),
        message=first.message,
        expected=value(first.expected),
        observed=value(first.observed),
        also=tuple(violation.invariant for violation in violations[1:]),
        effect=EFFECTS[first.invariant],
        why=tuple(known.why(known_of)),
        known=(*((listed.id,) if listed else ()), *known_of),
        functions=of_row or tuple(known.functions(known_of) or dict.fromkeys(made_calls)),
        releases=(listed.releases if listed else ()) or tuple(known.releases(known_of)),
        fixes=tuple(dict.fromkeys(known.fixes(known_of))),
        kind=listed.kind if listed else exhibit.UNDECIDED,
        guest=guest_of(trace),
        platform=run.profile.name,
        found=trace.found,
        command=replay_command(folder, trace),
        steps=tuple(
            Told(
                event_line(done, run.lpar),
                tuple(fault_line(fault) for fault in done.step.faults),
                tuple(lines(done, run.lpar, places_of)),
            )
            for done, places_of in zip(run.history, where, strict=True)
        ),
        finding=finding(run, first),
    )


def sentence_of(violation: Violation) -> str:
    """What does not hold."""
    invariant = INVARIANTS.get(violation.invariant)
    return invariant.sentence if invariant else exhibit.NO_CRASH


def guest_of(trace: Trace) -> str:
    """What was run, in words."""
    if trace.release.startswith("kernel "):
        return f"the C of Linux {trace.release.removeprefix('kernel ')}, unmodified"
    return f"the model's rules, {trace.release}"


MULTI_TCE = {
    MultiTce.BOTH: "hcall-multi-tce", MultiTce.NONE: "no hcall-multi-tce",
    MultiTce.INDIRECT: "H_PUT_TCE_INDIRECT, no H_STUFF_TCE", MultiTce.STUFF: "H_STUFF_TCE, no H_PUT_TCE_INDIRECT",
}  # fmt: skip
"""What the firmware has, in words."""


def render(
    folder: Path,
    run: Run,
    violations: Sequence[Violation],
    trace: Trace,
    places: Sequence[Sequence[Place | None]] = (),
    need: Need | None = None,
    behind: Sequence[str] = (),
    at: Place | None = None,
    listed: Listed | None = None,
) -> str:
    """The text of the report, at most 75 columns wide."""
    environment = Environment(
        loader=PackageLoader("ddwcheck", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,
    )
    first = violations[0]
    text = environment.get_template("report.txt.j2").render(
        first=first,
        sentence=wrap(sentence_of(first), COLUMNS - 2),
        message=wrap(f"{first.message}.", COLUMNS - 2),
        others=[v.invariant for v in violations[1:]],
        expected=value(first.expected),
        observed=value(first.observed),
        bus=first.at and bus_of(first.at),
        effect=EFFECTS[first.invariant],
        why=known.why([*trace.defects, *behind]),
        behind=behind,
        releases=known.releases([*trace.defects, *behind]),
        fixes=list(dict.fromkeys(known.fixes([*trace.defects, *behind]))),
        need=need,
        at=at,
        listed=listed,
        way=reach.way(trace.steps),
        assumed=reach.assumptions(run.profile, run.lpar, trace.steps),
        profile=run.profile,
        lpar=run.lpar,
        multi_tce=MULTI_TCE[run.lpar.multi_tce],
        ram=[
            f"{in_log(block)}{'' if n in run.lpar.online else ', offline at boot'}"
            for n, block in enumerate(run.lpar.blocks)
        ]
        + [f"{in_log(part)}, reserved" for part in run.lpar.reserved],
        vpmem=[
            f"{in_log(r)}{'' if n in run.lpar.vpmem_at_boot else ', not at boot'}" for n, r in enumerate(run.lpar.vpmem)
        ],
        maximum=value(run.lpar.hotplug_max),
        steps=[
            (number, done, list(lines(done, run.lpar, places[number - 1] if places else ())))
            for number, done in enumerate(run.history, 1)
        ],
        choices=[
            f"{name}={getattr(run.profile.choices, name).name.lower()}" for name in type(run.profile.choices).__slots__
        ],
        trace=trace,
        guest=guest_of(trace),
        kind=listed.kind if listed else exhibit.UNDECIDED,
        versions=", ".join(tools(trace)),
        event_line=event_line,
        fault_line=fault_line,
    )
    command = replay_command(folder, trace)  # not to be wrapped as text is
    return "".join(cut(line) + "\n" for line in text.splitlines()) + f"\nReplay: {command}\n"


def replay_command(folder: Path, trace: Trace) -> str:
    """The command that runs the trace again."""
    words = ["--tree TREE"] if trace.release.startswith("kernel ") else []
    words += ["--sanitize"] if "--sanitize" in trace.found else []
    return replay_line(folder, "ddwcheck replay", words)


def replay_line(folder: Path, command: str, options: Sequence[str] = ()) -> str:
    """A command on a folder; over several lines, as a shell takes them, if it is too long for one."""
    words = [command, shlex.quote(str(folder)), *options]
    line = " ".join(words)
    return line if len("Replay: ") + len(line) <= COLUMNS else " \\\n  ".join(words)


def cut(line: str) -> str:
    """A line of at most 75 columns, unless a word is longer; what is beyond goes to further lines, indented."""
    if len(line) <= COLUMNS:
        return line.rstrip()
    indent = " " * (len(line) - len(line.lstrip()))
    further = indent + "  "
    return "\n".join(
        wrap(line.strip(), COLUMNS, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False,
             break_long_words=False)
    )  # fmt: skip


def tools(trace: Trace) -> Iterator[str]:
    """What found it, with versions: the compiler too where the kernel's C was run."""
    yield f"ddwcheck {version('ddwcheck')}"
    yield f"hypothesis {version('hypothesis')}"
    yield f"Python {platform.python_version()}"
    if trace.release.startswith("kernel "):
        yield compiler()


def in_log(memory: Span[PhysAddr]) -> str:
    """A range of memory as the kernel's log prints it, with its size."""
    return f"[mem {memory.start:#018x}-{memory.stop - 1:#018x}] {human(memory.size)}"


def span(memory: "Span[int] | Span") -> str:  # type: ignore[type-arg]
    """A range in hex with its size."""
    if memory.size == 0:
        return f"{memory.start:#x} (empty)"
    return f"{memory.start:#x}..{memory.stop - 1:#x} ({human(memory.size)})"


def bus_of(at: Span[BusAddress]) -> str:
    """Where on the bus something is: one address, or a range."""
    return f"bus address {at.start:#x}" if at.size <= 1 else f"bus addresses {span(at)}"


def human(size: int) -> str:
    """A size in the largest unit that divides it."""
    for shift, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
    return f"{size} bytes"


def lines(done: Done, lpar: Lpar, places: Sequence[Place | None] = ()) -> Iterator[str]:
    """The calls of one step, in the form of the kernel's own log where it has one, below where each was made; then what
    other CPUs did in its middle, with their calls.
    """
    said = ""
    for number, crossing in enumerate(done.crossings):
        if number < len(places) and str(places[number] or "?") != said:
            said = str(places[number] or "?")
            yield f"{said}:"
        yield f"{'  ' if said else ''}{call_line(crossing)}"
    for after, other in done.inside:
        yield f"after {counted(after, 'point')} of it, on another CPU: {event_line(other, lpar)}"
        yield from (f"  {line}" for line in lines(other, lpar))


def call_line(crossing: Crossing) -> str:
    """One call and its answer."""
    call, answer = crossing.call, crossing.answer
    mark = " [dictated]" if crossing.injected else ""
    if isinstance(call, RtasCall):
        assert isinstance(answer, RtasAnswer)
        args = " ".join(f"{arg:x}" for arg in call.args)
        return (
            f"{rtas_name(crossing.name)}({call.token:x}) {args} returned {int(answer.status)}{outputs(crossing)}{mark}"
        )
    assert isinstance(answer, HcallAnswer)
    where = f"{crossing.name} liobn={call.liobn:#x} ioba={call.ioba:#x}"
    if isinstance(call, TceRun):
        where += f" tce={call.first:#x} x {call.entries} in {len(call)} calls, {answer.done} done"
    elif isinstance(call, PutTce):
        where += f" tce={call.tce:#x}"
    elif isinstance(call, StuffTce):
        where += f" tce={call.tce:#x} x {call.count}"
    elif isinstance(call, GetRun):
        where += f" x {call.entries}, {sum(span.size for span in answer.found)} not zero"
    elif not isinstance(call, GetTce):
        where += f" {call.count} TCEs{f' from {call.tces[0]:#x} on' if call.count else ''}"
    return f"{where}: {answer.status.name}{mark}"


def rtas_name(name: str) -> str:
    """The call as the kernel's log names it."""
    return {
        "query": "ibm,query-pe-dma-windows", "create": "ibm,create-pe-dma-window", "remove": "ibm,remove-pe-dma-window",
        "reset": "ibm,reset-pe-dma-windows",
    }.get(name, name)  # fmt: skip


def outputs(crossing: Crossing) -> str:
    """What a successful query or create said, as the kernel prints it."""
    assert isinstance(crossing.answer, RtasAnswer)
    out = crossing.answer.outputs
    if crossing.answer.status != 0 or not out:
        return ""
    if crossing.name == "create":
        return f" (liobn = {out[0]:#x} starting addr = {out[1]:x} {out[2]:x})"
    block = out[1] << 32 | out[2] if len(out) == 5 else out[1]
    return f", lb={block:x} ps={out[-2]:x} wn={out[0]}"


def fault_line(fault: Fault) -> str:
    """What a step dictates."""
    which = f" number {fault.skip + 1}" if fault.skip else ""
    if fault.point.startswith("allocate "):
        return f"the allocation of {fault.point.removeprefix('allocate ')}{which} fails"
    return f"{rtas_name(fault.point)}{which} returns {fault.answer}"


def event_line(done: Done, lpar: Lpar) -> str:
    """One event and its answer."""
    event = done.step.event
    words = [word(name, getattr(event, name), lpar) for name in type(event).__slots__]
    answer = done.answer
    if isinstance(answer, MaskAnswer):
        said = f"accepted={answer.accepted} bypass={answer.bypass}"
    elif answer is None:
        said = "failed" if isinstance(event, Beginning | CreateTable) else ""
    elif isinstance(answer, tuple):
        said = f"{counted(len(answer), 'segment')}: {', '.join(span(part) for part in answer)}"  # type: ignore[arg-type]
    else:
        what = {AskMask: "mask", CreateTable: "window from"}.get(type(event), "handle")
        said = str(answer) if isinstance(answer, bool) else f"{what} {answer:#x}"
    return f"{type(event).__name__} {', '.join(words)}{' -> ' + said if said else ''}"


def word(name: str, item: Any, lpar: Lpar) -> str:
    """One field of an event. A device has the name of its PE, with its own number where the PE has several functions."""
    if isinstance(item, Span):
        return span(item)
    if isinstance(item, tuple):
        return f"{counted(len(item), 'element')} ({', '.join(map(span, item))})"
    if name == "longest":
        return f"segments of at most {human(item)}"
    if name == "boundary":
        return f"none across {human(item + 1)}"
    if name == "mask":
        return f"mask={item:#x}"
    if name == "window_size":
        return f"{human(item)}"
    if name == "page_shift":
        return f"pages of {human(1 << item)}"
    if name == "iova":
        return f"iova={item:#x}"
    if name in ("device", "source"):
        pe = lpar.functions[item]
        return f"{name} {pe_of(pe)}{f' ({item})' if lpar.functions.count(pe) > 1 else ''}"
    return str(item.value) if name == "direction" else f"{name}={item}"


def counted(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
