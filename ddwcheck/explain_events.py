# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck explain --event NAME` and `ddwcheck explain TRACE`: what the kernel does on an event, function by function."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.cause import closest_release
from ddwcheck import BadInput, Verdict, story, terminal_map, wrapped
from ddwcheck.bus_map import finding, nearest, seen
from ddwcheck.live import spinner
from ddwcheck.log_files import shown
from ddwcheck.replay import KERNEL, boot, defects_of, load, step_line
from ddwcheck.report import call_line
from model.defects import REFERENCE
from model.interfaces import Crash
from model.invariants import Violation
from model.invariants.registry import GUEST_CRASH
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
    of = "the reference" if rules == REFERENCE else f"Linux {rules}"
    own = f" with {', '.join(kept.defects)}" if kept.defects else ""
    lines = [f"{shown(path)}: {kept.profile.name}, rules of {of}{own}"]
    try:
        run = boot(kept, defects_of(kept, rules, "none"), shown(path))
    except Crash as end:
        return [*lines, f"BROKEN: {GUEST_CRASH}: {end}"], Verdict.VIOLATED
    verdict = Verdict.HOLDS if kept.steps else Verdict.INCONCLUSIVE
    broken: Sequence[Violation] = ()
    with spinner() as progress:
        progress.add_task("explain")
        for number, step in enumerate(kept.steps, 1):
            impossible = run.impossible(step.event)
            if impossible is not None:
                raise BadInput(f"{shown(path)}: step {number}: {impossible}")
            before = Counter(run.reached)
            try:
                run.step(step)
            except InvariantBroken as why:
                broken, verdict = why.violations, Verdict.VIOLATED
            except (ArithmeticError, LookupError, ValueError, TypeError, AssertionError) as error:
                lines += ["", f"step {number}: the rules fail on it: {type(error).__name__}: {error}"]
                verdict = Verdict.INCONCLUSIVE
                break
            lines += ["", *_told(number, run, sorted(run.reached - before))]
            if broken:
                break
    lines += ["", *_map(run, broken)]
    lines += [f"BROKEN: {violation.invariant}: {violation.message}" for violation in broken]
    return [part for line in lines for part in wrapped(line)], verdict


def _told(number: int, run: Run, reached: Sequence[str]) -> Iterator[str]:
    """The last step of a run: its story, unless an earlier step of its kind has told it, and what happened."""
    done = run.history[-1]
    yield step_line(number, done).strip()
    kinds = [type(other.step.event) for other in run.history]
    first = kinds.index(kinds[-1]) + 1
    yield from [f"  as in step {first}"] if first < number else _story(kinds[-1])
    yield from _happened(done, reached)


def _happened(done: Done, reached: Sequence[str]) -> Iterator[str]:
    """The calls that were made, and how enable_ddw() ended if it ran."""
    if not done.crossings:
        yield "  no call to firmware"
    yield from (f"    {call_line(crossing)}" for crossing in done.crossings)
    yield from (f"  decided: {key}" for key in reached if key.startswith("enable"))


def _map(run: Run, broken: Sequence[Violation]) -> Iterator[str]:
    """Before and after what broke, or as it is in the end."""
    if broken:
        yield from terminal_map.before_and_after(finding(run, broken[0]))
    elif run.attached:
        yield from terminal_map.lines(nearest(seen(run, min(run.attached))))
