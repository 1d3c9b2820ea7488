# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree in which one line is wrong is told from the tree without that, and no known defect explains what it does."""

from pathlib import Path

import pytest

from conformance.cause import causes, closest_release
from conformance.conftest import RELEASES, tree_of
from conformance.edits import SLIPS, apply
from conformance.kernel.kernels import Kernels
from conformance.survey import Survey, explore, shown_by
from ddwcheck.sources import cache_folder
from properties.machine import SHARDS

ROUNDS = 12


@pytest.mark.parametrize("slip", SLIPS)
def test_a_wrong_line_is_a_new_finding(slip: str, tmp_path: Path) -> None:
    original = tree_of(RELEASES[-1])
    wrong = apply(original, tmp_path / "tree", SLIPS[slip])
    with (
        Kernels(original, cache_folder(None) / "programs") as before,
        Kernels(wrong, tmp_path / "programs") as after,
    ):
        survey, known = Survey(after, shown_by(before)), closest_release(wrong.version)
        for number in range(ROUNDS):
            for shard in SHARDS:
                explore(survey, shard, number)
                if any(not causes(name, finding.trace, known) for name, finding in survey.found.items()):
                    return
    pytest.fail(f"{survey.examples} examples, {survey.steps} steps: nothing was found that no known defect explains")
