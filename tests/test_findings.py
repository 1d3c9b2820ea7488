# SPDX-License-Identifier: GPL-2.0-or-later
"""FINDINGS.md says of each finding on which releases' C it was shown: those whose baselines have it."""

import re
from pathlib import Path

from conformance import baseline

ROOT = Path(__file__).parent.parent
RELEASES = ("6.1", "6.12", "7.2", "7.3")


def claimed() -> dict[str, set[str]]:
    rows = re.findall(r"^\| (F\d+) \|.*\| ([^|]*) \|$", (ROOT / "FINDINGS.md").read_text(), re.M)
    assert len(rows) == len(dict(rows))
    return {name: set(RELEASES) if text == "all" else set(re.findall(r"\b[67]\.\d+\b", text.split(";")[0]))
            for name, text in rows}  # fmt: skip


def shown() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for release in RELEASES:
        for known in baseline.load(ROOT / "conformance" / f"baseline-{release}.json").values():
            for name in re.findall(r"F\d+", known.explained):
                found.setdefault(name, set()).add(release)
    return found


def test_each_finding_is_claimed_for_the_releases_that_showed_it() -> None:
    assert {name: releases for name, releases in claimed().items() if releases} == shown()
