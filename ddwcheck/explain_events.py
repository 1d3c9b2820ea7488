# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck explain --event NAME` and `ddwcheck explain TRACE`: what the kernel does on an event, function by function."""

import re
from collections.abc import Iterator
from typing import Any

from conformance.cause import closest_release
from ddwcheck import BadInput, Verdict, story, terminal_map, wrapped
from ddwcheck.bus_map import finding, nearest, seen
from ddwcheck.live import spinner
from ddwcheck.log_files import shown
from ddwcheck.replay import KERNEL, boot, defects_of, load, step_line
from ddwcheck.report import call_line
from model.defects import REFERENCE
from model.invariants import Violation
from model.run import Done, InvariantBroken, Run
from model.trace import EVENTS


def one(name: str) -> tuple[list[str], Verdict]:
    """The story of one kind of event, which may be written as map-sg, MapSg or mapsg; BadInput if there is none."""
    kinds = {kind.lower(): EVENTS[kind] for kind in EVENTS}
    kind = kinds.get(name.replace("-", "").lower())
    if kind is None:
        raise BadInput(f"--event: {name!r} is none of {', '.join(map(dashed, EVENTS))}")
    lines = [f"{kind.__name__}: {' '.join(kind.__doc__.split())}", "", *_story(kind)]
    return [part for line in lines for part in wrapped(line)], Verdict.HOLDS


def dashed(name: str) -> str:
    """The name of an event as users write it: map-sg."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _story(kind: Any) -> Iterator[str]:
    for told in story.STORIES[kind]:
        others = f" ({' or '.join(f'{name}()' for name in told.functions[1:])} before)" if told.functions[1:] else ""
        yield f"  {told.functions[0]}(){others}, {told.file}: {told.text}"


def trace(path: str, release: str | None) -> tuple[list[str], Verdict]:
    """Each event of a trace: its story the first time, then what was called, answered and decided; and what it broke.

    A trace of the kernel's own C is told by the rules of the closest release.
    """
    kept = load(path)
    rules = release or kept.release
    if rules.startswith(KERNEL):
        major, minor = re.findall(r"\d+", rules)[:2]
        rules = closest_release((int(major), int(minor)))
    defects = defects_of(kept, rules, "none")
    run = boot(kept, defects, shown(path))
    told: dict[type, int] = {}
    of = "the reference" if rules == REFERENCE else f"Linux {rules}"
    own = f" with {', '.join(kept.defects)}" if kept.defects else ""
    lines = [f"{shown(path)}: {kept.profile.name}, rules of {of}{own}"]
    broken: list[Violation] = []
    with spinner() as progress:
        progress.add_task("explain")
        for number, step in enumerate(kept.steps, 1):
            impossible = run.impossible(step.event)
            if impossible is not None:
                raise BadInput(f"{shown(path)}: step {number}: {impossible}")
            before = dict(run.reached)
            try:
                run.step(step)
            except InvariantBroken as why:
                broken = [*why.violations]
            lines += ["", step_line(number, run.history[-1]).strip()]
            kind = type(step.event)
            lines += [f"  as in step {told[kind]}"] if kind in told else _story(kind)
            told.setdefault(kind, number)
            lines += _happened(run.history[-1], [key for key in run.reached if run.reached[key] > before.get(key, 0)])
            if broken:
                break
    lines += ["", *_map(run, broken)]
    lines += [f"BROKEN: {violation.invariant}: {violation.message}" for violation in broken]
    return [part for line in lines for part in wrapped(line)], Verdict.VIOLATED if broken else Verdict.HOLDS


def _happened(done: Done, reached: list[str]) -> Iterator[str]:
    """The calls that were made, and how enable_ddw() ended if it ran."""
    if not done.crossings:
        yield "  no call to firmware"
    yield from (f"    {call_line(crossing)}" for crossing in done.crossings)
    yield from (f"  decided: {key}" for key in reached if key.startswith("enable"))


def _map(run: Run, broken: list[Violation]) -> Iterator[str]:
    """Before and after what broke, or as it is in the end."""
    if broken:
        yield from terminal_map.before_and_after(finding(run, broken[0]))
    elif run.attached:
        yield from terminal_map.lines(nearest(seen(run, min(run.attached))))
