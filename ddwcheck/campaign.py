# SPDX-License-Identifier: GPL-2.0-or-later
"""`summary.json`: what a run or campaign did, and how much, as versioned data for the page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ddwcheck.outcome import Outcome, Status

VERSION = 1


class BadCampaign(ValueError):
    """Data that is no summary, or one that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine, or all tests of one name."""

    name: str
    examples: int
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Goals:
    """The reach goals of a family of machines: how many there are, and those not seen. judged: all of its parts ran."""

    family: str
    number: int
    missed: tuple[str, ...]
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Campaign:
    """What ran. lines: what was printed. checks: how often each invariant was applied; broken: those that do not hold,
    also where no folder tells of it. open: why what did not break is not said to hold, "" if it is. sentences: what was
    judged where it is not the invariants; unclear: why a single one of these is not said to hold.
    """

    title: str
    lines: tuple[str, ...] = ()
    machines: tuple[Machine, ...] = ()
    checks: Mapping[str, int] = field(default_factory=dict)
    goals: tuple[Goals, ...] = ()
    broken: tuple[str, ...] = ()
    open: str = ""
    sentences: Mapping[str, str] = field(default_factory=dict)
    unclear: Mapping[str, str] = field(default_factory=dict)


def of(outcome: Outcome) -> Campaign:
    """What a run came to, with its own checks in place of the invariants."""
    judged = {check: outcome.status(check) for check in outcome.checks}
    return Campaign(
        outcome.subject, outcome.lines, (), {check.id: check.times for check in judged}, (),
        tuple(check.id for check, status in judged.items() if status in (Status.FAIL, Status.KNOWN)), "",
        {check.id: check.sentence for check in judged},
        {check.id: check.unclear if check.times else check.skipped for check in judged if check.unclear or not check.times},
    )  # fmt: skip


def to_json(campaign: Campaign) -> dict[str, Any]:
    """The data as it is kept."""
    plain = {name: dict(getattr(campaign, name)) for name in ("checks", "sentences", "unclear")}
    return {"ddwcheck_summary": VERSION, **_data(campaign), **plain}


def _data(campaign: Campaign) -> dict[str, Any]:
    """Fields that are no mappings, which may be of a kind that cannot be copied."""
    return asdict(replace(campaign, checks={}, sentences={}, unclear={}))


def from_json(data: Any) -> Campaign:
    """The summary in parsed JSON; BadCampaign says what is wrong with it."""
    if not isinstance(data, dict) or "ddwcheck_summary" not in data:
        raise BadCampaign("not a summary of ddwcheck")
    if data["ddwcheck_summary"] != VERSION:
        raise BadCampaign(f"summary version {data['ddwcheck_summary']!r}, this ddwcheck reads version {VERSION}")
    try:
        return Campaign(
            str(data["title"]), tuple(map(str, data["lines"])),
            tuple(Machine(str(m["name"]), int(m["examples"]), int(m["steps"]), float(m["seconds"]))
                  for m in data["machines"]),
            {str(name): int(times) for name, times in data["checks"].items()},
            tuple(Goals(str(g["family"]), int(g["number"]), tuple(map(str, g["missed"])), bool(g["judged"]))
                  for g in data["goals"]),
            tuple(map(str, data["broken"])), str(data["open"]),
            *({str(id): str(text) for id, text in data.get(name, {}).items()} for name in ("sentences", "unclear")),
        )  # fmt: skip
    except KeyError as missing:
        raise BadCampaign(f"summary lacks {missing}") from None
    except (TypeError, ValueError, AttributeError) as wrong:
        raise BadCampaign(f"summary is damaged: {wrong}") from None
