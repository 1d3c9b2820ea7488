# SPDX-License-Identifier: GPL-2.0-or-later
"""Which defects of a release a finding comes from, seen on the reference guest that has them."""

from collections.abc import Iterable

from conformance.survey import watch
from model.defects import RELEASES, Defect, apply, of_release
from model.guest.kernel import Kernel
from model.trace import Trace


def closest_release(version: tuple[int, int]) -> str:
    """The release whose defects are known that a kernel of that version is most like: the newest one not after it."""
    before = [release for release in RELEASES if tuple(map(int, release.split("."))) <= version]
    return before[-1] if before else RELEASES[0]


def causes(name: str, trace: Trace, release: str) -> list[Defect]:
    """The defects without which the reference with the defects of `release` would not show a finding on its trace.

    name: the finding's fingerprint. None if the reference does not show it with all of them: then something is wrong that
    no defect describes. If none of them is needed, as each of several is enough, those that show it alone. KeyError if no
    defects are known for the release.
    """
    defects = of_release(release)
    if not _shows(name, trace, defects):
        return []
    needed = [
        defect for defect in defects if not _shows(name, trace, [other for other in defects if other is not defect])
    ]
    return needed or [defect for defect in defects if _shows(name, trace, [defect])]


def _shows(name: str, trace: Trace, defects: Iterable[Defect]) -> bool:
    return any(sight.fingerprint == name for sight in watch(trace, apply(Kernel, defects))[0])
