# SPDX-License-Identifier: GPL-2.0-or-later
"""`--format ktap`: version 1 of the kernel's test protocol, one test a check. Linux: Documentation/dev-tools/ktap.rst.

What is known to fail is an expected failure (XFAIL), as kselftest counts it; what nothing came up for is a SKIP, and what
the run says nothing about is an ERROR. Neither of the two is a pass.
"""

from collections.abc import Iterator

from ddwcheck.outcome import Check, Finding, Outcome, State, Status

RESULT = {
    Status.PASS: "ok", Status.FAIL: "not ok", Status.KNOWN: "ok", Status.SKIP: "ok", Status.INCONCLUSIVE: "not ok",
}  # fmt: skip


def render(outcome: Outcome) -> str:
    """Version line, plan, then each check: what there is to say of it first, as diagnostics."""
    seed = f", seed {outcome.seed}" if outcome.seed is not None else ""
    lines = ["KTAP version 1", f"1..{len(outcome.checks)}"]
    lines.append(f"# ddwcheck {outcome.verb} {_plain(outcome.subject)}{seed}: {outcome.verdict.name}")
    lines += [f"# no more: {_plain(finding.name)}" for finding in outcome.findings if finding.state is State.GONE]
    for number, check in enumerate(outcome.checks, 1):
        found = outcome.of(check)
        for finding in found:
            lines += [f"# {check.id}: {line}" for line in _told(finding)]
        status = outcome.status(check)
        lines.append(f"{RESULT[status]} {number} {_plain(check.id)}{_directive(status, check, found)}")
    return "\n".join(lines)


def _directive(status: Status, check: Check, found: list[Finding]) -> str:
    """What follows the name."""
    match status:
        case Status.KNOWN:
            names = dict.fromkeys(finding.explained or "known" for finding in found)
            return f" # XFAIL {_plain('; '.join(names))}"
        case Status.SKIP:
            return f" # SKIP {_plain(check.skipped)}"
        case Status.INCONCLUSIVE:
            return f" # ERROR {_plain(check.unclear)}"
        case _:
            return f" # {check.times} checks"


def _told(finding: Finding) -> Iterator[str]:
    """One finding, a line for each thing to say of it."""
    yield f"{finding.state.value}: {_plain(finding.message)}"
    yield f"expected {_plain(finding.expected)}, observed {_plain(finding.observed)}"
    if finding.place is not None:
        where = f"{finding.place.file}:{finding.place.line}"
        yield f"at {_plain(f'{finding.place.function}() {where}' if finding.place.function else where)}"
    if finding.folder:
        yield f"see {_plain(finding.folder)}"


def _plain(text: str) -> str:
    """One line without the sign that ends a name."""
    return " ".join(text.replace("#", "no.").split())
