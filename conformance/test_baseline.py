# SPDX-License-Identifier: GPL-2.0-or-later
"""Each release against its baseline: what is known is still there and explained, and nothing else is found."""

import re
from pathlib import Path

from conformance import baseline
from conformance.cause import causes, closest_release
from conformance.kernel.kernels import Kernels
from conformance.survey import Survey, explore, settle
from properties.machine import SHARDS

ROOT = Path(__file__).parent.parent
ENTRIES = set(re.findall(r"^\| (F\d+) \|", (ROOT / "FINDINGS.md").read_text(), re.M))


def known_of(kernels: Kernels) -> dict[str, baseline.Known]:
    """The baseline of the tree's release."""
    return baseline.load(ROOT / "conformance" / f"baseline-{closest_release(kernels.tree.version)}.json")


def test_every_known_finding_is_explained(kernels: Kernels) -> None:
    known = known_of(kernels)
    assert known
    assert {name: entry.explained for name, entry in known.items() if not _entries(entry.explained) <= ENTRIES} == {}


def _entries(explained: str) -> set[str]:
    return set(re.findall(r"F\d+", explained)) or {"none"}


def test_every_known_finding_is_still_there(kernels: Kernels) -> None:
    survey = Survey(kernels, drives=kernels.drives)
    assert [name for name, entry in known_of(kernels).items() if not survey.shows(name, entry.trace)] == []


def test_nothing_is_found_that_has_no_known_cause(kernels: Kernels) -> None:
    survey = Survey(kernels, drives=kernels.drives)
    for shard in SHARDS:
        explore(survey, shard, 0, examples=20)
    fresh = sorted(set(survey.found) - set(known_of(kernels)))
    settle(survey, fresh, lambda: None)
    assert [
        name for name in fresh if not causes(name, survey.found[name].trace, closest_release(kernels.tree.version))
    ] == []
    assert survey.steps > 1000
