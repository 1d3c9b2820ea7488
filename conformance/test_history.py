# SPDX-License-Identifier: GPL-2.0-or-later
"""The bugs of the history on the kernel's own C: a release that has one shows it by its trace, the others do not."""

import pytest

import history
from conformance.cause import closest_release
from conformance.differ import first_difference
from conformance.kernel.kernels import Kernels
from conformance.survey import watch
from model.guest.kernel import Kernel

ON_THE_C = sorted(id for id, bug in history.catalogue().items() if bug.defect.releases)


@pytest.mark.parametrize("id", ON_THE_C)
def test_a_bug_is_shown_on_the_c_of_the_releases_that_have_it(kernels: Kernels, id: str) -> None:
    bug = history.catalogue()[id]
    sights, _ = watch(bug.trace, kernels)
    broken = {sight.violation.invariant for sight in sights}
    shown = (
        bug.defect.breaks in broken if bug.defect.breaks else first_difference(bug.trace, kernels, Kernel) is not None
    )
    assert shown == (closest_release(kernels.tree.version) in bug.defect.releases)
