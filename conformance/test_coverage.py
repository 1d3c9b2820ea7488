# SPDX-License-Identifier: GPL-2.0-or-later
"""What the suite is about has run: lines and branches of the tree's functions, by gcov."""

from pathlib import Path

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.coverage import GAPS, SUBJECT, Covered, counted, covered, gap, is_enough, table
from conformance.kernel.kernels import Kernels
from conformance.scope import Bounded
from conformance.survey import Survey, explore, watch
from conformance.test_baseline import known_of
from ddwcheck.sources import cache_folder
from model.events import SetMask, Step
from model.profiles import POWERVM_DEDICATED, simple_lpar
from model.trace import Trace
from model.types import GIB
from properties.machine import SHARDS
from properties.sweep import CASES, LPARS, MASKS, failures, life

TREE = RELEASES[-1]


def drive(kernels: Kernels) -> None:
    """The known findings, every single failure of enable, and some examples of each machine."""
    for known in known_of(kernels).values():
        watch(known.trace, kernels)
    for profile, lpar, mask in CASES:
        for fault in failures(profile, LPARS[lpar], MASKS[mask], kernels, Bounded):
            watch(life(profile, LPARS[lpar], MASKS[mask], (fault,)), kernels)
    for shard in SHARDS:
        explore(Survey(kernels, drives=kernels.drives), shard, 0)


@pytest.fixture(scope="module")
def reached() -> dict[str, Covered]:
    """What runs of the newest tree."""
    with counted(tree_of(TREE), cache_folder(None) / "programs") as kernels:
        drive(kernels)
        return {name: what for name, what in covered(kernels).items() if SUBJECT.fullmatch(name)}


def test_what_is_not_a_known_gap_has_run(reached: dict[str, Covered]) -> None:
    short = [name for name, function in reached.items() if not is_enough(function) and not gap(name)]
    assert len(reached) > 10
    assert short == [], "\n".join(table(reached))


def test_every_known_gap_is_still_one(reached: dict[str, Covered]) -> None:
    enough = {why: [is_enough(function) for name, function in reached.items() if gap(name) == why] for _, why in GAPS}
    closed = [why for why, functions in enough.items() if functions and all(functions)]
    assert closed == [], "\n".join(table(reached))


def test_a_run_that_does_little_reaches_little() -> None:
    with counted(tree_of(TREE), cache_folder(None) / "programs") as kernels:
        watch(Trace(POWERVM_DEDICATED, simple_lpar(4 * GIB), (Step(SetMask(0, MASKS["64 bits"])),)), kernels)
        found = covered(kernels)
    assert 0.2 < found["enable_ddw"].line_share < 0.9 and not is_enough(found["enable_ddw"])
    assert found["iommu_mem_notifier"].line_share == 0
    assert Path(found["iommu_mem_notifier"].file).name == "iommu.c"
