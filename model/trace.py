# SPDX-License-Identifier: GPL-2.0-or-later
"""A run as versioned JSON: platform, partition, release, each event with its calls and answers, and the verdict.

The events and the dictated answers are the run: replaying them on any guest and hypervisor makes it again. The calls
are there to be read and to be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from enum import Enum
from typing import Any, get_args

from model import events
from model.calls import GetRun, HcallAnswer, RtasAnswer, RtasCall, TceRun
from model.events import Fault, Inside, Step
from model.interfaces import MaskAnswer
from model.invariants import Violation
from model.ledger import Crossing
from model.profiles import Choices, Lpar, MultiTce, Profile
from model.run import Done
from model.types import BusAddress, Direction, PageShift, PhysAddr, Span

VERSION = 5
"""What is written: from 2 on with scatterlists and coherent buffers, from 3 on with PEs of several functions and events
inside others, from 4 on with PEs that user space owns, from 5 on with reserved parts of RAM.
"""
READABLE = (1, 2, 3, 4, VERSION)
MOST_DEVICES = 4096
"""Devices of a partition in a trace that is read."""
EVENTS: dict[str, Any] = {kind.__name__: kind for kind in get_args(events.Event)}


class BadTrace(ValueError):
    """A file that is no trace, or one that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A kept run. release: "reference" or a Linux release; defects: further ones by id. found: how, with its seed."""

    profile: Profile
    lpar: Lpar
    steps: tuple[Step, ...]
    release: str = "reference"
    defects: tuple[str, ...] = ()
    found: str = ""


def to_json(trace: Trace, history: Sequence[Done] = (), violations: Sequence[Violation] = ()) -> dict[str, Any]:
    """The trace with what was seen when it ran."""
    seen: list[Done | None] = [*history, *(None,) * len(trace.steps)]
    steps = [_entry(step, done) for step, done in zip(trace.steps, seen, strict=False)]
    return {
        "ddwcheck_trace": VERSION,
        "release": trace.release,
        "defects": list(trace.defects),
        "found": trace.found,
        "profile": _plain(trace.profile),
        "lpar": _plain(trace.lpar),
        "steps": steps,
        "violations": [{**asdict(violation), "at": _value(violation.at)} for violation in violations],
    }


def from_json(data: Any) -> Trace:
    """The trace in parsed JSON; BadTrace says what is wrong with it."""
    if not isinstance(data, dict) or "ddwcheck_trace" not in data:
        raise BadTrace("not a ddwcheck trace")
    if data["ddwcheck_trace"] not in READABLE:
        raise BadTrace(f"trace version {data['ddwcheck_trace']!r}, this ddwcheck reads versions 1 to {VERSION}")
    try:
        return Trace(
            _profile(data["profile"]), _lpar(data["lpar"]), tuple(_step(step) for step in data["steps"]),
            str(data["release"]), tuple(data["defects"]), str(data["found"]),
        )  # fmt: skip
    except KeyError as missing:
        raise BadTrace(f"trace lacks {missing}") from None
    except (TypeError, ValueError, AttributeError, IndexError) as wrong:
        raise BadTrace(f"trace is damaged: {wrong}") from None


def _entry(step: Step, done: Done | None) -> dict[str, Any]:
    """A step with what was seen of it. An event inside it that proved impossible there has no answer."""
    entry: dict[str, Any] = {"event": type(step.event).__name__, **_plain(step.event)}
    if step.faults:
        entry["faults"] = [_plain(fault) for fault in step.faults]
    if step.inside:
        happened = {id(other.step): other for _, other in done.inside} if done is not None else {}
        entry["inside"] = [
            {"after": inside.after, **_entry(inside.step, happened.get(id(inside.step)))} for inside in step.inside
        ]
    if done is not None:
        entry["calls"] = [_crossing(c) for c in done.crossings]
        entry["answer"] = _value(done.answer)
    return entry


def _plain(value: Any) -> dict[str, Any]:
    return {field.name: _value(getattr(value, field.name)) for field in fields(value)}


def _value(value: Any) -> Any:
    if isinstance(value, MultiTce):
        return int(value)
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Span):
        return [hex(value.start), hex(value.stop)]
    if isinstance(value, MaskAnswer):
        return {"accepted": value.accepted, "bypass": value.bypass}
    if isinstance(value, Choices):
        return _plain(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 16:
        return hex(value)
    return value


def _crossing(crossing: Crossing) -> dict[str, Any]:
    call, answer = crossing.call, crossing.answer
    entry: dict[str, Any] = {"call": crossing.name}
    if isinstance(call, RtasCall):
        assert isinstance(answer, RtasAnswer)
        entry["args"] = [hex(arg) for arg in call.args]
        entry["outputs"] = [hex(out) for out in answer.outputs]
    else:
        assert isinstance(answer, HcallAnswer)
        entry |= {"liobn": hex(call.liobn), "ioba": hex(call.ioba)}
        if isinstance(call, TceRun):
            entry |= {"tce": hex(call.first), "step": hex(call.step), "count": call.entries}
            entry |= {"calls": len(call), "done": answer.done}
        elif isinstance(call, GetRun):
            entry |= {"count": call.entries, "found": [[span.start, span.stop] for span in answer.found]}
        elif hasattr(call, "tce"):
            entry |= {"tce": hex(call.tce), "count": getattr(call, "count", 1)}
    entry["status"] = answer.status.name.lower()
    if crossing.injected:
        entry["dictated"] = True
    return entry


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadTrace(f"{value!r} is not a number")
    return int(value, 0) if isinstance(value, str) else value


def _span(value: Any) -> Any:
    start, stop = (_int(v) for v in value)
    if not 0 <= start <= stop <= 1 << 64:
        raise BadTrace(f"range {start:#x} to {stop:#x} is not one")
    return Span(start, stop)


def _profile(data: Mapping[str, Any]) -> Profile:
    choices = {}
    for field in fields(Choices):
        enum = type(getattr(Choices(), field.name))
        choices[field.name] = enum[str(data["choices"][field.name]).upper()]
    return Profile(
        str(data["name"]), _int(data["windows"]), _int(data["block"]), _int(data["pages"]), _int(data["query_outputs"]),
        tuple(_int(cell) for cell in data["extensions"]), _span(data["default"]), BusAddress(_int(data["dma64"])),
        BusAddress(_int(data["limited"])), _span(data["mmio32"]) if data["mmio32"] else None,
        tuple(_int(token) for token in data["tokens"]),  # type: ignore[arg-type]
        _int(data["first_liobn"]), Choices(**choices), bool(data["applicable"]),
    )  # fmt: skip


def _lpar(data: Mapping[str, Any]) -> Lpar:
    return Lpar(
        tuple(_span(b) for b in data["blocks"]), tuple(_int(k) for k in data["online"]),
        PhysAddr(_int(data["hotplug_max"])), tuple(_span(b) for b in data["vpmem"]),
        tuple(_int(k) for k in data["vpmem_at_boot"]), PageShift(_int(data["page"])),
        _multi_tce(data["multi_tce"]), _functions(data), tuple(_span(part) for part in data.get("reserved", ())),
    )  # fmt: skip


def _multi_tce(value: Any) -> MultiTce:
    """Up to version 2 either both calls or none."""
    if isinstance(value, bool):
        return MultiTce.BOTH if value else MultiTce.NONE
    if not 0 <= _int(value) <= MultiTce.BOTH:
        raise BadTrace(f"multi_tce {value!r} names calls that do not exist")
    return MultiTce(_int(value))


def _functions(data: Mapping[str, Any]) -> tuple[int, ...]:
    """Up to version 2 each device had a PE of its own."""
    if "functions" not in data:
        devices = _int(data["devices"])
        if not 1 <= devices <= MOST_DEVICES:
            raise BadTrace(f"{devices} devices")
        return tuple(range(devices))
    functions = tuple(_int(number) for number in data["functions"])
    if set(functions) != set(range(len(set(functions)))) or len(functions) == 0:
        raise BadTrace(f"functions {functions} do not number their PEs from 0")
    return functions


def _step(data: Mapping[str, Any]) -> Step:
    kind = EVENTS.get(str(data["event"]))
    if kind is None:
        raise BadTrace(f"unknown event {data['event']!r}")
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in data and field.default is not MISSING:
            continue  # an older trace, which knew nothing of it
        raw = data[field.name]
        if field.name == "memory":
            values[field.name] = tuple(_span(element) for element in raw) if kind is events.MapSg else _span(raw)
        elif field.name == "direction":
            values[field.name] = Direction[str(raw).upper()]
        else:
            values[field.name] = raw if isinstance(raw, bool) else _int(raw)
    faults = tuple(Fault(str(f["point"]), _int(f["skip"]), _int(f["answer"])) for f in data.get("faults", ()))
    inside = tuple(Inside(_int(other["after"]), _step(other)) for other in data.get("inside", ()))
    return Step(kind(**values), faults, inside)
