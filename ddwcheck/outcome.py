# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run that judges came to: the one thing that every output format renders."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from conformance.kernel.places import Place
from ddwcheck import Verdict


class State(Enum):
    """What a finding is to whoever asked."""

    NEW = "new"
    KNOWN = "known"
    """Of a baseline, or explained by a known defect where a baseline was given."""
    GONE = "gone"
    """Known or of the tree compared with, and not there any more."""


class Status(Enum):
    """What became of a check. Only the first is a pass."""

    PASS = "pass"
    FAIL = "fail"
    KNOWN = "known"
    SKIP = "skip"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was judged, an invariant mostly.

    sentence: what must hold. times: to how many subjects it was applied; none: skipped, because of `skipped`. unclear: why
    nothing can be said although it was applied, "" if it can.
    """

    id: str
    sentence: str
    times: int
    skipped: str = "nothing it applies to came up"
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a check fails.

    name: the same for the same finding in any run. explained: by what it is known, "" if by nothing. steps: the events
    that lead there, in words. place: of the outcome's tree, or of a file without a function. folder: with its report, ""
    for none.
    """

    check: str
    name: str
    message: str
    expected: str
    observed: str
    state: State = State.NEW
    explained: str = ""
    steps: tuple[str, ...] = ()
    place: Place | None = None
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run. verb, subject: what was judged; lines: what the user reads of it; tree: folder that places lie below, or ""."""

    verb: str
    subject: str
    verdict: Verdict
    lines: tuple[str, ...]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()
    seed: int | None = None
    tree: str = ""

    def of(self, check: Check) -> list[Finding]:
        """The findings of a check that are there."""
        return [finding for finding in self.findings if finding.check == check.id and finding.state is not State.GONE]

    def status(self, check: Check) -> Status:
        """What became of a check."""
        found = self.of(check)
        if any(finding.state is State.NEW for finding in found):
            return Status.FAIL
        if check.unclear:
            return Status.INCONCLUSIVE
        if found:
            return Status.KNOWN
        return Status.PASS if check.times else Status.SKIP


def undecided(checks: Iterable[Check], why: str) -> tuple[Check, ...]:
    """The same checks in a run that proves nothing, as `why` says; those that were never applied are skipped all the same."""
    return tuple(replace(check, unclear=check.unclear or why) if check.times else check for check in checks)
