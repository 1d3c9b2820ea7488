# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck replay`: run a kept trace again and judge every step."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from conformance.kernel.places import Place
from conformance.scope import Bounded, OutOfScope
from conformance.survey import fingerprint, is_fatal
from ddwcheck import BadInput, Verdict, terminal_map, wrapped
from ddwcheck.bus_map import finding
from ddwcheck.checks import invariants, value, where
from ddwcheck.kernel import kernels_of
from ddwcheck.live import bar
from ddwcheck.log_files import shown
from ddwcheck.outcome import Finding, Outcome, undecided
from history import every_defect
from model.calls import HcallStatus, RtasStatus
from model.defects import REFERENCE, RELEASES, Defect, apply, of_release
from model.events import CreateTable, Event, Fault, Step
from model.guest.kernel import Kernel
from model.hypervisor.papr import Papr
from model.interfaces import Crash, MaskAnswer
from model.invariants import Violation
from model.invariants.registry import GUEST_CRASH
from model.profiles import Lpar, Profile
from model.run import Done, InvariantBroken, Run
from model.trace import MOST_DEVICES, BadTrace, Trace, from_json, to_json
from model.types import Span

KERNEL = "kernel "
"""What the release of a trace starts with that the kernel's own C made."""
LARGEST_FILE = 1 << 28
"""Bytes; a trace of a million steps is smaller."""


def replay(path: str, release: str | None, fixed: str, tree: str | None, sanitized: bool, verbose: bool) -> Outcome:
    """The report on one trace and the verdict.

    release: whose rules, the trace's if None; fixed: defects left out; tree: a kernel tree whose C is run in place of
    rules, sanitized or not.
    """
    data = _load(path)
    trace = _read(data, path)
    if tree is not None:
        if release is not None or fixed != "none":
            raise BadInput("--tree runs the kernel's own C, which --release and --fixed-defects do not change")
        with kernels_of(tree, sanitized) as kernels:
            first = f"  the C of Linux {kernels.tree.release}, {shown(tree)}"
            outcome = _run(
                data, trace, path, first, lambda: Run(trace.profile, trace.lpar, kernels, Bounded), verbose,
                lambda run: where(kernels.tree.root, kernels.last_place(run), run.history),
            )  # fmt: skip
            return replace(outcome, tree=str(kernels.tree.root))
    rules = trace.release if release is None else release
    if rules.startswith(KERNEL):
        raise BadInput(f"{shown(path)}: the C of {rules} was run: name its tree with --tree, or rules with --release")
    defects = defects_of(trace, rules, fixed)
    return _run(data, trace, path, _rules(rules, defects), lambda: boot(trace, defects, shown(path)), verbose)


def _run(
    data: Any, trace: Trace, path: str, first: str, boot: Callable[[], Run], verbose: bool,
    place: Callable[[Run], Place | None] = lambda _: None,
) -> Outcome:  # fmt: skip
    """Carry out the steps, one line for each. place: which line of a tree the run's last event is about."""
    report = [shown(path), first]
    try:
        run = boot()
    except (Crash, OutOfScope) as end:
        return _no_boot(report, path, end)
    findings: list[Finding] = []
    violations: Sequence[Violation] = ()
    verdict = Verdict.HOLDS if trace.steps else Verdict.INCONCLUSIVE
    first_broken = None
    for number, step in _shown_steps(trace):
        impossible = run.impossible(step.event)
        if impossible is not None:
            raise BadInput(f"{shown(path)}: step {number}: {impossible}")
        try:
            run.step(step)
        except InvariantBroken as broken:
            violations, verdict = [*violations, *broken.violations], Verdict.VIOLATED
            first_broken = first_broken or (len(run.history), broken.violations[0])
            findings += [_finding(event, violation, run, place(run)) for event, violation in broken.seen]
        except OutOfScope as end:
            report.append(f"  step {number}: out of scope: {end}")
            verdict = Verdict.INCONCLUSIVE
            break
        except (ArithmeticError, LookupError, ValueError, TypeError, AssertionError) as error:
            report.append(f"  step {number}: the rules fail on it: {type(error).__name__}: {error}")
            verdict = Verdict.INCONCLUSIVE
            break
        report.append(step_line(number, run.history[-1]))
        if verbose:
            report.extend(_calls(trace, run.history, number))
        if any(map(is_fatal, violations)):
            break
    report.extend(_verdict(verdict, violations, run))
    report.extend(_compared(data, trace, run.history, violations))
    if verbose and first_broken is not None:
        number, violation = first_broken
        report.extend(["", *terminal_map.before_and_after(finding(run, violation, number))])
    checks = tuple(invariants(run.counts, 1))
    if verdict is Verdict.INCONCLUSIVE:
        checks = undecided(checks, "the run could not go on" if run.history else "the trace has no steps")
    lines = tuple(part for line in report for part in wrapped(line))
    return Outcome("replay", shown(path), verdict, lines, checks, tuple(findings))


def _no_boot(report: list[str], path: str, end: Crash | OutOfScope) -> Outcome:
    """The guest did not come up."""
    crashed = isinstance(end, Crash)
    verdict = Verdict.VIOLATED if crashed else Verdict.INCONCLUSIVE
    line = f"VIOLATED {GUEST_CRASH}: {end}" if crashed else f"INCONCLUSIVE: {end}"
    checks, said = tuple(invariants({}, 1)), str(end)
    found = (Finding(GUEST_CRASH, f"{GUEST_CRASH}: {said}", said, "the guest goes on", said),) if crashed else ()
    return Outcome("replay", shown(path), verdict, (*report, line), undecided(checks, said), found)


def _shown_steps(trace: Trace) -> Iterator[tuple[int, Step]]:
    """The steps, numbered from 1, and on a terminal how far they are."""
    with bar() as progress:
        yield from progress.track(enumerate(trace.steps, 1), total=len(trace.steps), description="replay")


def _finding(event: Event, violation: Violation, run: Run, place: Place | None) -> Finding:
    """A violation that the last step showed, after that event."""
    return Finding(
        violation.invariant, fingerprint(event, violation), violation.message,
        value(violation.expected), value(violation.observed),
        steps=tuple(map(_line, run.history)), place=place,
    )  # fmt: skip


def _line(done: Done) -> str:
    return f"{_event(done.step.event)}: {_answer(done)}"


def load(path: str) -> Trace:
    """The trace in a file or a counterexample folder; BadInput if there is none, or none that can be."""
    return _read(_load(path), path)


def _read(data: Any, path: str) -> Trace:
    try:
        trace = from_json(data)
    except BadTrace as bad:
        raise BadInput(f"{shown(path)}: {bad}") from None
    _possible(trace, shown(path))
    return trace


def _load(path: str) -> Any:
    """The JSON of a trace or of the counterexample folder that holds one."""
    try:
        file = Path(path)
        if file.is_dir():
            file = file / "trace.json"
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadInput(f"{shown(path)}: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"{shown(path)}: not a path") from None
    if len(raw) > LARGEST_FILE:
        raise BadInput(f"{shown(path)}: too large for a trace")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BadInput(f"{shown(path)}: not JSON, no trace") from None


def defects_of(trace: Trace, release: str, fixed: str) -> list[Defect]:
    """The defects of the release and of the trace, each once, less those that are taken as fixed."""
    known = every_defect()
    if release not in (REFERENCE, *RELEASES):
        raise BadInput(f"release {release!r} is none of {', '.join((REFERENCE, *RELEASES))}")
    for name in trace.defects:
        if not isinstance(name, str) or name not in known:
            raise BadInput(f"the trace names a defect that is not known: {name!r}")
    left_out = set(trace.defects) if fixed == "all" else set() if fixed == "none" else set(fixed.split(","))
    for name in sorted(left_out - set(trace.defects)):
        raise BadInput(f"--fixed-defects: the trace names no defect {name!r}")
    names = dict.fromkeys([*(d.id for d in of_release(release)), *(n for n in trace.defects if n not in left_out)])
    return [known[name] for name in names if name not in left_out]


def boot(trace: Trace, defects: list[Defect], where: str) -> Run:
    """The partition of a trace on rules with some defects; BadInput if two of these replace the same rule."""
    try:
        return Run(trace.profile, trace.lpar, apply(Kernel, defects), apply(Papr, defects))
    except ValueError as clash:
        raise BadInput(f"{where}: {clash}") from None


def _possible(trace: Trace, where: str) -> None:
    """A platform, a partition and answers that can exist; BadInput says what cannot."""
    for wrong in (*_bad_profile(trace.profile), *_bad_lpar(trace.lpar), *_bad_steps(trace)):
        raise BadInput(f"{where}: {wrong}")


def _bad_profile(profile: Profile) -> Iterator[str]:
    cells = (profile.pages, profile.first_liobn, *profile.tokens, *profile.extensions)
    if profile.query_outputs not in (5, 6) or len(profile.tokens) != 3:
        yield "profile: query has 5 or 6 outputs, and there are 3 tokens"
    if any(not 0 <= cell < 1 << 32 for cell in cells):
        yield "profile: pages, LIOBN, tokens and extensions are 32-bit cells"
    if not (0 <= profile.block < 1 << 64 and 0 <= profile.dma64 < 1 << 64 and 0 <= profile.limited < 1 << 64):
        yield "profile: block, dma64 and limited are 64-bit numbers"
    if profile.windows < 1 or profile.default.size == 0 or profile.default.start % 4096 or profile.default.stop % 4096:
        yield "profile: at least one window, the default one, of whole 4K pages"


def _bad_lpar(lpar: Lpar) -> Iterator[str]:
    if lpar.page not in (12, 16):
        yield f"lpar: a kernel page of 2^{lpar.page} bytes"
    if not 1 <= lpar.devices <= MOST_DEVICES:
        yield f"lpar: {lpar.devices} devices"
    for name, spans, chosen in (("blocks", lpar.blocks, lpar.online), ("vpmem", lpar.vpmem, lpar.vpmem_at_boot)):
        if len(set(chosen)) != len(chosen) or any(not 0 <= k < len(spans) for k in chosen):
            yield f"lpar: a position that is none of {name}"
        if any(span.size == 0 for span in spans):
            yield f"lpar: an empty range in {name}"
    memory = sorted((*lpar.blocks, *lpar.vpmem))
    if any(after.start < before.stop for before, after in pairwise(memory)):
        yield "lpar: ranges of memory overlap"
    at_boot = [lpar.blocks[k] for k in lpar.online if 0 <= k < len(lpar.blocks)]
    if any(part.size == 0 or not any(block.covers(part) for block in at_boot) for part in lpar.reserved):
        yield "lpar: a reserved part that is no part of a block online at boot"
    if any(after.start < before.stop for before, after in pairwise(lpar.reserved)):
        yield "lpar: reserved parts overlap or are out of order"
    if not 0 <= lpar.hotplug_max < 1 << 64:
        yield f"lpar: hotplug_max {lpar.hotplug_max:#x} does not fit into 64 bits"


def _bad_steps(trace: Trace) -> Iterator[str]:
    for number, step in enumerate(trace.steps, 1):
        cpu = getattr(step.event, "cpu", 0)
        if cpu < 0:
            yield f"step {number}: CPU {cpu}"
        yield from (f"step {number}: {wrong}" for fault in step.faults for wrong in _bad_fault(fault))


def _bad_fault(fault: Fault) -> Iterator[str]:
    """A dictated answer that the call cannot have."""
    rtas = fault.point in ("query", "create", "remove", "reset")
    statuses = {0} if fault.point == "allocate" else set(RtasStatus) if rtas else set(HcallStatus)
    if fault.skip < 0 or fault.answer not in statuses:
        yield f"{fault.point} cannot be made to answer {fault.answer} after {fault.skip} others"


def _rules(release: str, defects: Sequence[Defect]) -> str:
    rules = "the reference" if release == REFERENCE else f"Linux {release}"
    return f"rules: {rules}" + (f", defects: {', '.join(d.id for d in defects)}" if defects else "")


def step_line(number: int, done: Done) -> str:
    """One step with what was dictated and answered."""
    faults = "".join(f", {f.point} answers {f.answer} after {f.skip}" for f in done.step.faults)
    return f"  {number}. {_event(done.step.event)}{faults}: {_answer(done)}"


def _event(event: Event) -> str:
    """An event as a call: SetMask(device=0, mask=0xffffffffffffffff)."""
    values = ((field.name, getattr(event, field.name)) for field in fields(event))
    return f"{type(event).__name__}({', '.join(f'{name}={_value(value)}' for name, value in values)})"


def _value(value: Any) -> str:
    if isinstance(value, Span):
        return f"[{value.start:#x}, {value.stop:#x})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool) or not isinstance(value, int):
        return str(getattr(value, "value", value))
    return str(value) if value < 10 else hex(value)


def _answer(done: Done) -> str:
    answer = done.answer
    if isinstance(answer, MaskAnswer):
        return f"{'accepted' if answer.accepted else 'refused'}{', bypass' if answer.bypass else ''}"
    if isinstance(done.step.event, CreateTable):
        return "refused" if answer is None else f"window from {answer:#x}"
    if answer is None or isinstance(answer, bool):
        return {None: "done", True: "yes", False: "no"}[answer]
    if isinstance(answer, tuple):
        return f"segments {', '.join(map(_value, answer))}"
    return f"handle {answer:#x}"


def _calls(trace: Trace, history: Sequence[Done], number: int) -> Iterator[str]:
    """The calls of a step as the trace writes them."""
    for call in to_json(trace, history)["steps"][number - 1].get("calls", ()):
        rest = ", ".join(f"{key} {_plain(value)}" for key, value in call.items() if key not in ("call", "status"))
        yield f"     {call['call']}({rest}): {call['status']}"


def _plain(value: Any) -> str:
    return " ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _verdict(verdict: Verdict, violations: Sequence[Violation], run: Run) -> Iterator[str]:
    for violation in violations:
        yield f"VIOLATED {violation.invariant}: {violation.message}"
        yield f"  expected {value(violation.expected)}"
        yield f"  observed {value(violation.observed)}"
    if verdict is Verdict.HOLDS:
        times = sum(run.counts.values())
        yield f"HOLDS: all invariants held after each of {len(run.history)} steps ({times} checks)"
    elif verdict is Verdict.INCONCLUSIVE:
        yield f"INCONCLUSIVE: {'the run could not go on' if run.history else 'the trace has no steps'}"


def _compared(data: Any, trace: Trace, history: Sequence[Done], violations: Sequence[Violation]) -> Iterator[str]:
    """Whether the calls, the answers and the violations are those that were recorded."""
    now = json.loads(json.dumps(to_json(trace, history, violations)))
    known = [(n, old, new) for n, (old, new) in enumerate(zip(data["steps"], now["steps"], strict=True), 1)
             if "calls" in old and "calls" in new]  # fmt: skip
    if not known:
        yield "no calls are recorded in this trace to compare with"
    else:
        found = (difference for step in known for difference in _difference(*step))
        yield next(found, f"the calls and answers of {len(known)} steps are those recorded")
    recorded, seen = [v.get("invariant") for v in _violations(data)], [v.invariant for v in violations]
    if recorded != seen:
        yield f"recorded violations: {', '.join(map(str, recorded)) or 'none'}; now: {', '.join(seen) or 'none'}"


def _violations(data: Any) -> list[dict[str, Any]]:
    found = data.get("violations", [])
    return [v for v in found if isinstance(v, dict)] if isinstance(found, list) else []


def _difference(number: int, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    before = old["calls"] if isinstance(old["calls"], list) else []
    after = new["calls"]
    for k in range(max(len(before), len(after))):
        was, now = (calls[k] if k < len(calls) else None for calls in (before, after))
        if was != now:
            yield f"the calls differ from step {number}, call {k + 1} on: recorded {_brief(was)}, now {_brief(now)}"
            return
    if old.get("answer") != new["answer"]:
        yield f"step {number} answered {old.get('answer')} when recorded, now {new['answer']}"


def _brief(call: Any) -> str:
    if not isinstance(call, dict):
        return "no call" if call is None else "something that is no call"
    return f"{call.get('call')} " + ", ".join(f"{k} {_plain(v)}" for k, v in call.items() if k != "call")
