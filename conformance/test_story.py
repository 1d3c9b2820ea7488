# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ddwcheck explain` tells of an event names functions that the tested kernels have."""

import pytest

from conformance.conftest import RELEASES, tree_of
from conformance.kernel.places import definition
from ddwcheck.story import STORIES
from model.trace import EVENTS


@pytest.mark.parametrize("release", RELEASES)
def test_each_function_of_a_story_is_in_the_tree(release: str) -> None:
    root = tree_of(release).root
    told = [step for kind in EVENTS.values() for step in STORIES[kind]]
    assert [step.functions for step in told if definition(root, step.file, step.functions) is None] == []


def test_a_function_that_is_not_there_is_missed() -> None:
    root = tree_of(RELEASES[-1]).root
    assert definition(root, "arch/powerpc/kernel/dma-iommu.c", ("dma_iommu_no_such_function",)) is None
    assert definition(root, "arch/powerpc/kernel/dma-iommu.c", ("memset",)) is None  # called there, not defined
    assert definition(root, "no/such/file.c", ("enable_ddw",)) is None
