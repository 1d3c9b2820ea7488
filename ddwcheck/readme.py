# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of README.md that are generated from the code, between comment lines that name them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from conformance.boot.scenarios import SCENARIOS
from ddwcheck import BadInput, Verdict
from ddwcheck.defects import BY_COMPARISON
from ddwcheck.rules import rule_map
from history import catalogue as history
from history.not_covered import NOT_COVERED
from model.defects import catalogue
from model.invariants import INVARIANTS
from model.profiles import PROFILES
from model.silent import SILENCES
from proofs.obligation import Scope, everything


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def invariants() -> str:
    """Every invariant: sentence, what is excused and why, the defects that it catches, and what is proved towards it."""
    caught: dict[str, list[str]] = {}
    for defect in catalogue().values():
        if defect.breaks is not None:
            caught.setdefault(defect.breaks, []).append(defect.id)
    proved = Counter((obligation.supports, obligation.scope) for obligation in everything().values())

    def shown(id: str) -> str:
        return ", ".join(f"{proved[id, scope]} {scope}" for scope in Scope if proved[id, scope]) or "nowhere"

    rows = [
        [
            f"`{i.id}`",
            i.sentence + (f" *({i.note})*" if i.note else ""),
            ", ".join(caught.get(i.id, ["a mutant"])),
            shown(i.id),
        ]
        for i in INVARIANTS.values()
    ]
    return markdown(["id", "holds after every step", "tested; catches, for one", "theorems proved"], rows)


def defects() -> str:
    """Every known deviation of Linux."""
    rows = [
        [
            f"`{d.id}`",
            d.root_cause,
            ", ".join(d.releases) or d.commits,
            f"`{d.breaks}`" if d.breaks else "nothing by itself",
        ]
        for d in catalogue().values()
    ]
    return markdown(["defect", "why it is wrong", "releases", "breaks"], rows)


def bugs() -> str:
    """Every bug of the history that the model covers."""
    rows = [
        [bug.title, f"`{bug.fixed}`" + ("" if bug.confirmed else " (not confirmed)"), bug.release or bug.date, f"`{id}`",
         f"`{bug.defect.breaks}`" if bug.defect.breaks else BY_COMPARISON]
        for id, bug in history().items()
    ]  # fmt: skip
    return markdown(["fix", "commit", "in, or of", "defect", "caught by"], rows)


def not_covered() -> str:
    """Those that it does not."""
    rows = [[one.title, f"`{one.commit}`" if one.commit else "", one.why] for one in NOT_COVERED]
    return markdown(["fix", "commit", "why not"], rows)


def profiles() -> str:
    """The built-in platforms."""
    rows = [
        [f"`{p.name}`", str(p.windows), f"{p.block:#x}", f"{p.pages:#x}", str(p.query_outputs),
         "yes" if len(p.extensions) > 3 and p.extensions[3] else "no"]
        for p in PROFILES.values()
    ]  # fmt: skip
    return markdown(
        ["profile", "windows at a time", "block (TCEs)", "page mask", "query outputs", "limited addressing"], rows
    )


def silences() -> str:
    """LoPAR's silent points."""
    rows = [[s.number, s.subject, f"`{s.choice}`" if s.choice else "", s.reading] for s in SILENCES]
    return markdown(["point", "subject", "choice of the profile", "what the model does"], rows)


def rules() -> str:
    """The files of the guest's rules and what they restate."""
    rows = [
        [f"`{file}`", ", ".join(names), ", ".join(f"`{name}`" for name in functions)]
        for file, (names, functions) in rule_map().items()
    ]
    return markdown(["`model/guest/`", "rules", "restates, of Linux"], rows)


def boots() -> str:
    """The scenarios of `ddwcheck boot`."""
    rows = [
        [f"`{b.name}`", b.flavour, " and ".join(device.partition(",")[0] for device in b.devices), b.platform, b.events,
         ", ".join(dict.fromkeys(finding for finding, _ in b.known))]
        for b in SCENARIOS
    ]  # fmt: skip
    return markdown(["scenario", "kernel", "devices", "platform", "memory", "shows"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "invariants": invariants, "defects": defects, "profiles": profiles, "silences": silences,
    "rules": rules, "bugs": bugs, "not_covered": not_covered,
    "boots": boots,
}  # fmt: skip


def generated(text: str) -> str:
    """README's text with every generated table made anew; KeyError for a table that does not exist."""

    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}"

    return re.sub(r"(<!-- generated: (\w+) -->)\n.*?(<!-- end -->)", fill, text, flags=re.S)


def check(name: str, write: bool) -> tuple[list[str], Verdict]:
    """Compare the README with the code, or bring it up to date; BadInput if it cannot be read."""
    path = Path(name)
    try:
        text = path.read_text()
        true = generated(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    except KeyError as table:
        raise BadInput(f"{name}: there is no generated table {table}") from None
    if write:
        path.write_text(true)
        return [f"{name} written"], Verdict.HOLDS
    if text == true:
        return [f"{name} says what the code says"], Verdict.HOLDS
    return [f"{name} differs from the code: ddwcheck readme --write"], Verdict.VIOLATED
