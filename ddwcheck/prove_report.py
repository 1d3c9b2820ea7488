# SPDX-License-Identifier: GPL-2.0-or-later
"""A theorem that is refuted, as a folder: what it says, on which inputs it is false, and what that means for a system."""

import json
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ddwcheck import exhibit, known
from ddwcheck import folder as into
from ddwcheck.bus_map import NOTHING, Finding
from ddwcheck.checks import value
from ddwcheck.effects import EFFECTS
from ddwcheck.exhibit import Exhibit, Told
from ddwcheck.report import cut
from model.defects import REFERENCE
from model.invariants import Violation
from proofs.conditions import condition_of
from proofs.judged import Row

VALUES = "values.json"
EXPECTED = "true for all inputs"


def write(folder: Path, row: Row, release: str) -> Path:
    """Write the folder."""
    data = exhibited(row, release)
    kept = json.dumps({"ddwcheck_values": 1, "release": release, "theorem": row["id"], "values": row["counterexample"]})
    return into.write(folder, data, render(data, row, release), kept + "\n", None)


def observed(row: Row) -> str:
    """The inputs in one line."""
    return "false at " + (", ".join(inputs(row)) or "every input, of which it has none")


def inputs(row: Row) -> Sequence[str]:
    """Each input by its name."""
    return [f"{name} = {value(number)}" for name, number in row["counterexample"].items()]


def whose(release: str) -> str:
    """Whose rules, in words."""
    return "the reference" if release == REFERENCE else f"Linux {release}"


def exhibited(row: Row, release: str) -> Exhibit:
    """The theorem as data for a page."""
    defects, options = row["defects"], "" if release == REFERENCE else f" --release {release}"
    message = f"{row['rule']}() of {whose(release)}: the theorem is false"
    violation = Violation(row["id"], message, EXPECTED, observed(row))
    return Exhibit(
        invariant=row["id"], sentence=row["sentence"], message=message, expected=EXPECTED, observed=observed(row),
        also=(), effect=f"Invariant {row['supports']} rests on it: {EFFECTS[row['supports']]}",
        why=tuple(known.why(defects)), known=tuple(defects),
        functions=tuple(known.functions(defects)), releases=tuple(known.releases(defects)),
        fixes=tuple(dict.fromkeys(known.fixes(defects))), kind=exhibit.UNDECIDED,
        guest=f"the model's rules, {whose(release)}", platform="", found=f"ddwcheck prove{options}",
        command=f"ddwcheck prove{options} \\\n  '{row['id']}'",
        steps=(Told(f"{row['rule']}()", (), tuple(inputs(row))),), finding=Finding(violation, 1, None, NOTHING, None),
        kept=VALUES,
    )  # fmt: skip


def render(data: Exhibit, row: Row, release: str) -> str:
    """The text of the report, at most 75 columns wide."""
    environment = Environment(
        loader=PackageLoader("ddwcheck", "."), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    text = environment.get_template("prove.txt.j2").render(
        it=data, row=row, inputs=inputs(row), whose=whose(release), condition=condition_of(row["defects"]),
        versions=", ".join(f"{name} {metadata.version(name)}" for name in ("ddwcheck", "z3-solver")),
        python=platform.python_version(),
    )  # fmt: skip
    return "".join(cut(line) + "\n" for line in text.splitlines()) + f"\nReplay: {data.command}\n"
