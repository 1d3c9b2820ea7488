# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck log`: what real kernels decided, by their logs and tracepoints, held against the model; and QEMU's traces."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ddwcheck import (
    BadInput,
    Verdict,
    campaign,
    log_outcome,
    log_report,
    log_rules,
    page_files,
    record,
    sizes,
    worst,
    wrapped,
)
from ddwcheck.live import bar, spinner
from ddwcheck.log_cases import RAM_SHIFTS, sizes_known
from ddwcheck.log_devices import Attempt, Device, Devices, group
from ddwcheck.log_files import lines, shown
from ddwcheck.log_groups import Group, groups
from ddwcheck.log_judge import Reading, judge
from ddwcheck.log_lines import CannotMap, Create, Created, Fact, Limit, Note, Query, Remove, Reset, Summary, read
from ddwcheck.log_outcome import Judged
from ddwcheck.outcome import Finding, Outcome
from ddwcheck.record_kernel import said
from ddwcheck.record_lines import PREFIX
from ddwcheck.tracepoints import Tracepoints
from model.calls import RtasStatus
from model.defects import REFERENCE
from model.guest.sizing import PAGE_SHIFT_OF_BIT


class Log(NamedTuple):
    """What is in one file: the kernel's lines, what QEMU traced, what the kernel's tracepoints say."""

    path: str
    devices: Devices
    traced: record.Judge
    tracepoints: Tracepoints

    @property
    def decisions(self) -> Iterator[tuple[Device, list[Reading]]]:
        """Every try of every device, as the kernel printed it and as its tracepoints show it."""
        yield from judge(self.devices)
        yield from judge(group(self.tracepoints.lines))


def check(paths: Sequence[str], out: str | None = None) -> Outcome:
    """The report on some logs, each by itself, and the verdict on all. Nothing is judged before all are read.

    out: a folder for what breaks a rule, with a page of it.
    """
    if out is not None:
        page_files.make_room(out)
    with spinner() as progress:
        task = progress.add_task("")
        logs = []
        for path in paths:
            progress.update(task, description=f"reading {shown(path)}")
            logs.append(parse(path))
        report: list[str] = []
        verdicts: list[Verdict] = []
        seen: list[Judged] = []
        for log in logs:
            where = shown(log.path)
            progress.update(task, description=f"judging {where}")
            report.append(where)
            if log.traced.calls:
                report.extend(record.report(log.traced))
                verdicts.append(record.verdict(log.traced))
                seen += log_outcome.of_trace(where, log.traced)
            if log.tracepoints.calls:
                report.extend(log.tracepoints.report())
                verdicts.append(log.tracepoints.verdict)
                seen.append(log_outcome.of_tracepoints(where, log.tracepoints))
            for device, readings in log.decisions:
                report.extend(_device(device, readings))
                verdicts += [reading.verdict for reading in readings]
                seen += [log_outcome.of_try(where, device, number, r) for number, r in enumerate(readings, 1)]
            loose = [broken for line in log.devices.loose for broken in log_rules.status(line)]
            report.extend(f"  line {broken.line}: BROKEN RULE: {broken.message}" for broken in loose)
            verdicts += [Verdict.VIOLATED] * bool(loose)
            seen += [log_outcome.of_loose(where, loose)] if log.devices.loose else []
    verdict = worst(verdicts)
    low, high = sizes.human(1 << RAM_SHIFTS[0] - 1), sizes.human(1 << RAM_SHIFTS[-1])
    report.append(f"{verdict.name}: hotplug maxima tried: ({low}, {high}]")
    printed = tuple(part for line in report for part in wrapped(line))
    checks, findings = tuple(one.check for one in seen), tuple(f for one in seen for f in one.findings)
    outcome = Outcome("log", " ".join(map(shown, paths)), verdict, printed, checks, findings)
    return outcome if out is None else keep(outcome, paths, Path(out))


def keep(outcome: Outcome, paths: Sequence[str], out: Path) -> Outcome:
    """The outcome with a folder for each finding, and their page; what the user does not wait for has none."""
    found = list(outcome.findings)
    with bar() as progress, suppress(KeyboardInterrupt):
        for number, one in progress.track(list(enumerate(found)), description="reports"):
            assert one.place is not None
            path = next(path for path in paths if shown(path) == one.place.file)
            words = f"{Path(path).stem} {one.place.line} {log_report.invariant_of(one)} {number}"
            folder = out / re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
            log_report.write(folder, shown(path), list(lines(path)), one, partial(findings_in, shown(path)))
            found[number] = replace(one, folder=str(folder))
    kept = tuple(f"{Path(one.folder) / 'report.txt'}" for one in found if one.folder)
    outcome = replace(outcome, findings=tuple(found), lines=(*outcome.lines[:-1], *kept, outcome.lines[-1]))
    index = page_files.keep(out, campaign.of(outcome), [Path(one.folder) for one in found if one.folder])
    return replace(outcome, lines=(*outcome.lines, f"{index}"))


def findings_in(where: str, numbered: Sequence[tuple[int, str]]) -> list[Finding]:
    """What breaks a rule in some lines of a log."""
    log = parsed(where, numbered)
    judged = [*log_outcome.of_trace(where, log.traced), log_outcome.of_tracepoints(where, log.tracepoints)]
    for device, readings in log.decisions:
        judged += [log_outcome.of_try(where, device, number, r) for number, r in enumerate(readings, 1)]
    loose = [broken for line in log.devices.loose for broken in log_rules.status(line)]
    judged.append(log_outcome.of_loose(where, loose))
    return [finding for one in judged for finding in one.findings]


def parse(path: str) -> Log:
    """Read one log; one without a line about DDW says nothing, no pass."""
    log = _parsed(path, lambda: lines(path))
    if not log.devices.devices and not log.devices.loose and not log.traced.calls and not log.tracepoints.calls:
        raise BadInput(f"{shown(path)}: no line about DDW")
    return log


def parsed(where: str, numbered: Sequence[tuple[int, str]]) -> Log:
    """The same of lines that are at hand, of which there may be none."""
    return _parsed(where, lambda: iter(numbered))


def _parsed(path: str, told: Callable[[], Iterator[tuple[int, str]]]) -> Log:
    """A log that is told twice: for what the kernel says, then for QEMU's trace, which that explains."""
    tracepoints = Tracepoints(shown(path))
    found = group(read(_and_tracepoints(told(), tracepoints), shown(path)))
    traced = record.Judge(shown(path), said(found))
    traced.read(told())
    return Log(path, found, traced, tracepoints)


def _and_tracepoints(numbered: Iterable[tuple[int, str]], tracepoints: Tracepoints) -> Iterator[tuple[int, str]]:
    """The lines that are neither QEMU's nor of a tracepoint; these are taken on the way."""
    for number, text in numbered:
        if PREFIX in text:
            continue
        if not tracepoints.take(number, text):
            yield number, text


def _device(device: Device, readings: Sequence[Reading]) -> Iterator[str]:
    phb = f", PHB unit id {device.buid:#x}" if device.buid is not None else ""
    yield f"{device.driver} {device.pci}{phb}"
    for reading in readings:
        yield from (f"  line {line.number}: {_said(line.fact)}" for line in reading.attempt.lines)
        yield from _verdict(reading)


def _verdict(reading: Reading) -> Iterator[str]:
    """What was decided, on which rules it is consistent, what is broken."""
    if reading.refused_by_reference is not None:
        yield f"  not the reference: line {reading.refused_by_reference.line}: {reading.refused_by_reference.message}"
        yield f"  as Linux {reading.rules[0]} does" + (f" ({' or '.join(reading.needs)})" if reading.needs else "")
    if sizes_known(reading.attempt):
        first = groups(reading.possible)
        yield from _groups(first, reading.attempt)
        for release, possible in reading.others.items():
            other = groups(possible)
            if other != first:
                yield f"  with Linux {release}'s defects:"
                yield from _groups(other, reading.attempt, "    ")
        if reading.rules:
            yield f"  consistent with: {', '.join(_rules(name) for name in reading.rules)}"
    yield from (f"  line {broken.line}: BROKEN RULE: {broken.message}" for broken in reading.broken)
    yield from (f"  note: {note}" for note in reading.notes)
    yield f"  {reading.verdict.name}"


def _rules(name: str) -> str:
    return "the reference" if name == REFERENCE else f"Linux {name}"


def _groups(found: Sequence[Group], attempt: Attempt, indent: str = "  ") -> Iterator[str]:
    """Each decision with its window, and the hotplug maxima under which it comes about."""
    verb = "would decide" if attempt.one(Create) is None else "decided"
    both = len({entry.vpmem for entry in found}) > 1
    for entry in found:
        vpmem = f" {'with' if entry.vpmem else 'without'} vPMEM" if both else ""
        window = f"; {entry.window}" if entry.window else ""
        yield f"{indent}{verb}{vpmem}: {entry.decision}{window}"
        yield f"{indent}  hotplug maximum in {entry.hotplug}{_blocks(entry, attempt)}"


def _blocks(entry: Group, attempt: Attempt) -> str:
    """Which largest block it takes, where the log does not say."""
    query = attempt.one(Query)
    if (query is not None and query.block is not None) or attempt.one(CannotMap) is not None or not entry.blocks:
        return ""
    least = "" if len(entry.blocks) == 1 else "at least "
    return f", if the largest block is {least}{entry.blocks[0]:#x} TCEs"


def _said(fact: Fact) -> str:
    """A line's content in words."""
    match fact:
        case Query(_, _, status, block, pages, windows):
            answer = f"query: status {_status(status)}"
            if block is None or pages is None:
                return answer + ", its answer is not printed"
            return answer + f", block {block:#x} TCEs, pages {_pages(pages)}, windows {windows}"
        case Create(_, _, page, window, status, liobn, base):
            asked = f"create: {sizes.page(page)} pages, window {sizes.power(window)}: status {_status(status)}"
            return asked + (f", LIOBN {liobn:#x} at {base:#x}" if status == 0 else "")
        case Reset(_, _, status, limited):
            return f"reset{' for limited addressing' if limited else ''}: status {_status(status)}"
        case Remove(_, status, liobn):
            return f"remove of LIOBN {liobn:#x}: status {_status(status)}"
        case CannotMap(ram, block, page):
            return f"RAM up to {ram:#x} does not fit into {block:#x} pages of {sizes.human(page)}"
        case Created(liobn):
            return f"TCE table of LIOBN {liobn:#x}"
        case Summary(required, enabled, direct):
            addressing = f"limited addressing required {int(required)}, enabled {int(enabled)}"
            return f"{addressing}, direct mapping {int(direct)}"
        case Limit(address):
            return f"direct DMA is limited by {address:#x}"
        case Note(what):
            return what


def _status(status: int) -> str:
    return f"{status} ({RtasStatus(status).name})" if status in set(RtasStatus) else str(status)


def _pages(mask: int) -> str:
    """A page-size mask in words: 0x103 (4K 64K 2M)."""
    known = " ".join(sizes.page(shift) for bit, shift in enumerate(PAGE_SHIFT_OF_BIT) if mask >> bit & 1)
    return f"{mask:#x} ({known or 'none known'})"
