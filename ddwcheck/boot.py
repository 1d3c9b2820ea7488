# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck boot`: Debian's kernels booted in QEMU, and what was traced and printed judged as `ddwcheck log` judges it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from time import monotonic

from conformance.boot.boot import TRACING, boot
from conformance.boot.machine import Hang
from conformance.boot.packages import fetch
from conformance.boot.scenarios import DECISION, SCENARIOS, Scenario
from conformance.kernel.apt import NoSource
from conformance.qemu.guest import QEMU, NotInstalled, require_programs
from ddwcheck import BadInput, Verdict, worst
from ddwcheck.live import spinner
from ddwcheck.log import Log, parse
from ddwcheck.log_files import lines, shown
from ddwcheck.log_judge import judge as judge_printed
from ddwcheck.log_lines import Create, Query
from ddwcheck.record_lines import PREFIX
from ddwcheck.sources import cache_folder

_COMPLAINT = re.compile(r"\[ *[0-9.]+\] (UBSAN: [-a-z]+|KASAN|WARNING|BUG|Oops|Unable to handle|Kernel panic)\b.*")

Booter = Callable[[Scenario, Callable[[str], None]], None]
"""Carries a scenario out, and tells each line of its record."""


@dataclass(slots=True)
class Booted:
    """What came of a scenario. seen: invariants and defects, by name, each with what says so. open: what is undecided."""

    scenario: Scenario
    seconds: float = 0.0
    cpu: float = 0.0
    counted: str = ""
    seen: dict[str, str] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    @property
    def known(self) -> dict[str, str]:
        """Findings that explain what was seen, by what they break."""
        return {what: finding for finding, what in self.scenario.known}

    @property
    def unexplained(self) -> list[str]:
        """What was seen and no finding explains."""
        return [text for what, text in self.seen.items() if what not in self.known]

    @property
    def missing(self) -> list[str]:
        """Findings that should have been seen."""
        return [f"{finding} was not seen: {what}" for what, finding in self.known.items() if what not in self.seen]

    @property
    def verdict(self) -> Verdict:
        """It holds if all that was expected was seen, and nothing else."""
        if self.unexplained:
            return Verdict.VIOLATED
        return Verdict.INCONCLUSIVE if self.open or self.missing else Verdict.HOLDS

    def report(self) -> Iterator[str]:
        """One line, and one more for each thing that needs a look."""
        time = f"{self.seconds:5.1f} s ({self.cpu:.1f} s of CPU)"
        explained = [f"{self.known[what]} ({what})" for what in self.seen if what in self.known]
        text = f"; as known: {', '.join(explained)}" if explained else ""
        yield f"{self.verdict.name:12} {self.scenario.name:18} {time}: {self.counted}{text}"
        yield from (f"  {text}" for text in (*self.unexplained, *self.open, *self.missing))


def run(names: Sequence[str], keep: str | None) -> tuple[list[str], Verdict]:
    """Boot these scenarios, all without a name. keep: where the records go. BadInput for a name or folder, without QEMU."""
    wanted = chosen(names)
    try:
        require_programs(QEMU, "setpriv")
        if keep is not None:
            Path(keep).mkdir(parents=True, exist_ok=True)
    except NotInstalled as missing:
        raise BadInput(str(missing)) from None
    except OSError as error:
        raise BadInput(f"{shown(str(keep))}: {error.strerror}") from None
    done, interrupted = list[Booted](), False
    with ExitStack() as stack:
        folder = Path(keep or stack.enter_context(TemporaryDirectory(prefix="ddwcheck-boot-")))
        progress = stack.enter_context(spinner())
        task = progress.add_task("")
        try:
            for number, scenario in enumerate(wanted, 1):
                progress.update(task, description=f"{number}/{len(wanted)} {scenario.name}")
                done.append(carry_out(scenario, folder / f"{scenario.name}.txt", _boot))
        except KeyboardInterrupt:
            interrupted = True
    report = [line for booted in done for line in booted.report()]
    verdict = worst([booted.verdict for booted in done] + [Verdict.INCONCLUSIVE] * interrupted)
    report.append(f"{verdict.name}: {len(done)} of {len(wanted)} boots{', interrupted' if interrupted else ''}")
    return report, verdict


def chosen(names: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names; BadInput names the known ones."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise BadInput(f"{shown(name)!r} is no scenario; there are {', '.join(known)}")
    return [known[name] for name in names] or list(SCENARIOS)


def _boot(scenario: Scenario, told: Callable[[str], None]) -> None:
    boot(scenario, fetch(scenario.flavour, cache_folder(None)), told)


def carry_out(scenario: Scenario, path: Path, booter: Booter) -> Booted:
    """Boot and judge a scenario; its record is written to `path`. A hang, or a kernel that is not to be had, is open."""
    booted, started, cpu = Booted(scenario), monotonic(), _cpu()
    try:
        with path.open("w") as file:
            booter(scenario, lambda line: print(line, file=file))
    except (Hang, NoSource) as why:
        booted.open.append(" ".join(str(why).split()))
    except OSError as error:
        raise BadInput(f"{shown(str(error.filename or path))}: {error.strerror}") from None
    booted.seconds, booted.cpu = monotonic() - started, _cpu() - cpu
    if path.stat().st_size or not booted.open:
        judge(booted, path)
    return booted


def _cpu() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judge(booted: Booted, path: Path) -> None:
    """Judge a record: the calls by the invariants that they show, the kernel's decisions by its release's rules."""
    try:
        log = parse(str(path))
        booted.seen |= complaints(str(path))
        booted.open += unaccounted(log, calls_traced_after(TRACING, str(path)))
    except BadInput as bad:
        booted.open.append(str(bad))
        return
    traced, expected = log.traced, booted.scenario.direct * log.traced.maps_of_ram
    booted.counted = (
        f"{traced.calls.total():,} calls, {traced.accesses:,} accesses, {traced.judged} windows beside maps of RAM"
    )
    for broken in traced.broken:
        booted.seen.setdefault(broken.invariant, f"line {broken.line}: {broken.invariant}: {broken.message}")
    booted.open += [f"line {question.line}: {question.message}" for question in traced.open]
    if not traced.maps_of_ram or traced.judged != expected:
        booted.open.append(f"{expected} times a direct window was to stand beside a map of RAM, not {traced.judged}")
    for line, is_broken, message in log.tracepoints.remarks:
        if is_broken:
            booted.seen.setdefault("calls-well-formed", f"line {line}: {message}")
        elif "calls-well-formed" not in booted.seen:  # a refused call is open unless its operands say what is wrong
            booted.open.append(f"line {line}: {message}")
    _judge_decisions(booted, log)


def _judge_decisions(booted: Booted, log: Log) -> None:
    """What the kernel printed and traced must be what the model of its release decides."""
    release = booted.scenario.flavour.partition("-")[0]
    # of an answer that was overwritten, the tracepoints show what it was before
    decisions = judge_printed(log.devices) if booted.scenario.queries else log.decisions
    for device, readings in decisions:
        for reading in readings:
            for broken in reading.broken:
                booted.seen.setdefault("the kernel's lines", f"line {broken.line}: {broken.message}")
            if reading.rules and release not in reading.rules:
                text = f"{device.pci}: the model's {release} decides otherwise"
                booted.seen.setdefault("the kernel's lines", text)
            if reading.refused_by_reference is not None:
                refused = reading.refused_by_reference
                booted.seen.setdefault(DECISION, f"line {refused.line}: {refused.message}")
            if reading.verdict is Verdict.INCONCLUSIVE and booted.scenario.ddw:
                booted.open.append(f"{device.pci}: {'; '.join(reading.notes)}")


def complaints(path: str) -> dict[str, str]:
    """What the kernel itself finds wrong, each once, with its first line."""
    found: dict[str, str] = {}
    for number, line in lines(path):
        if match := _COMPLAINT.match(line):
            found.setdefault(match[1], f"line {number}: {match[0]}")
    return found


TOLD_TWICE = {
    "pci_get": "H_GET_TCE", "get": "H_GET_TCE", "pci_put": "H_PUT_TCE", "put": "H_PUT_TCE", "pci_stuff": "H_STUFF_TCE",
    "stuff": "H_STUFF_TCE", "pci_indirect": "H_PUT_TCE_INDIRECT", "indirect": "H_PUT_TCE_INDIRECT",
}  # fmt: skip
"""Hypercalls, by the names of QEMU's events of them."""


def calls_traced_after(start: str, path: str) -> Counter[str]:
    """The hypercalls that QEMU traced behind a line."""
    counted, on = Counter[str](), False
    for _, line in lines(path):
        on = on or line.startswith(start)
        if on and line.startswith(PREFIX) and (name := TOLD_TWICE.get(line.removeprefix(PREFIX).partition(" ")[0])):
            counted[name] += 1
    return counted


def unaccounted(log: Log, traced: Counter[str]) -> Iterator[str]:
    """Calls that only one side tells of.

    The kernel prints each query and create, and QEMU traces those that succeed; both trace each hypercall, QEMU also those
    of the firmware that starts the kernel, for which reason only what is `traced` while the kernel traces is compared.
    """
    attempts = [attempt for device in log.devices.devices for attempt in device.attempts]
    queries = sum(query.status == 0 for attempt in attempts for query in attempt.all(Query))
    creates = sum(create.status == 0 for attempt in attempts for create in attempt.all(Create))
    for event, printed in (("ddw_query", queries), ("ddw_create", creates)):
        if printed != log.traced.calls[event]:
            yield f"the kernel printed {printed} answers of {event[4:]}, QEMU traced {log.traced.calls[event]}"
    for call in sorted(set(TOLD_TWICE.values())):
        if log.tracepoints.calls[call] != traced[call]:
            yield f"the kernel traced {log.tracepoints.calls[call]} of {call}, QEMU {traced[call]}"
