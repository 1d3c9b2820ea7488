# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure point of enable_ddw() on the C, one at a time with every answer and in pairs, on every platform.

What breaks must be in the release's baseline.
"""

from itertools import product

import pytest

from conformance.kernel.kernels import Kernels
from conformance.scope import Bounded
from conformance.survey import watch
from conformance.test_baseline import known_of
from model.events import Fault
from model.profiles import Lpar, Profile
from model.types import DmaMask
from properties.sweep import CASES, CLEAN_UP, LPARS, MASKS, case_name, failures, hit, life, one_answer_each


def swept(
    kernels: Kernels, profile: Profile, lpar: Lpar, mask: DmaMask, faults: list[tuple[Fault, ...]]
) -> dict[str, tuple[Fault, ...]]:
    """What breaks that the baseline does not know, each with the faults of the last life that showed it."""
    known, found = known_of(kernels), {}
    for dictated in faults:
        sights, run = watch(life(profile, lpar, mask, dictated), kernels)
        assert run is not None and run.history, "the life did not begin"
        assert any(hit(run, fault) or (fault.point, fault.skip) in CLEAN_UP for fault in dictated), dictated
        found.update({sight.fingerprint: dictated for sight in sights if sight.fingerprint not in known})
    return found


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_no_single_failure_shows_what_is_not_known(kernels: Kernels, profile: Profile, lpar: str, mask: str) -> None:
    faults = failures(profile, LPARS[lpar], MASKS[mask], kernels, Bounded)
    assert len(faults) > 5
    assert swept(kernels, profile, LPARS[lpar], MASKS[mask], [(fault,) for fault in faults]) == {}


@pytest.mark.parametrize(("profile", "lpar", "mask"), CASES, ids=case_name)
def test_no_pair_of_failures_does(kernels: Kernels, profile: Profile, lpar: str, mask: str) -> None:
    points = one_answer_each(failures(profile, LPARS[lpar], MASKS[mask], kernels, Bounded))
    assert swept(kernels, profile, LPARS[lpar], MASKS[mask], list(product(points, points))) == {}
