# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference with the defects of a release agrees with the release's C, and without any one of them it does not."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from conformance.agreement import Agreement, draw
from conformance.aside import INT_SHIFT
from conformance.cause import closest_release
from conformance.conftest import RELEASES
from conformance.differ import compare
from conformance.kernel.kernels import Kernels
from model.defects import apply, of_release
from model.guest.kernel import Kernel
from model.trace import Trace, from_json
from properties.machine import SHARDS

EXAMPLES = int(os.environ.get("DDWCHECK_AGREEMENT", "20"))
"""Scenarios of each shard; those that do not boot come on top."""
UNDEFINED = {"handle-mask-of-32-bits": INT_SHIFT}
"""Defects that are about what C leaves open: the C of this machine does something else again."""
NEEDED = Path(__file__).parent / "needed.json"
"""Traces that show what a defect is needed for, by its id; one of them does on each release that has it."""


@cache
def needed() -> dict[str, list[Trace]]:
    """The kept traces."""
    return {
        name: [from_json(trace) for trace in traces]
        for name, traces in json.loads(NEEDED.read_text())["traces"].items()
    }


def test_model_and_c_agree(kernels: Kernels) -> None:
    release = closest_release(kernels.tree.version)
    agreement = Agreement(kernels, apply(Kernel, of_release(release)), release)
    for shard in SHARDS:
        draw(agreement, shard, 0, EXAMPLES)
    assert agreement.differences == []
    assert agreement.scenarios > EXAMPLES * len(SHARDS) // 2
    assert sum(agreement.aside.values()) + agreement.out_of_scope < agreement.scenarios // 4


NOT_COMPARED = ("scatterlist", "coherent")
"""Parts of the guest that no scenario here uses yet, see conformance.agreement."""
IN_THE_MIDDLE = ("listed-after-the-premap", "unlisted-last")
"""Defects that show where another CPU comes in alone: the C has more points for it than the model, so both are compared on
one CPU; conformance/test_interleaving.py shows these on the C.
"""
NAMES = sorted({
    defect.id for release in RELEASES for defect in of_release(release)
    if not defect.replaces.__module__.endswith(NOT_COMPARED) and defect.id not in IN_THE_MIDDLE
})  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_defect_can_be_left_out(kernels: Kernels, name: str) -> None:
    defects = of_release(closest_release(kernels.tree.version))
    others = [defect for defect in defects if defect.id != name]
    if len(others) == len(defects):
        pytest.skip("not a defect of this release")
    if name in UNDEFINED:
        pytest.skip(UNDEFINED[name])
    whole, less = apply(Kernel, defects), apply(Kernel, others)
    agreed = [trace for trace in needed()[name] if compare(trace, kernels, whole) is None]
    assert any(compare(trace, kernels, less) is not None for trace in agreed)
