# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's C lives on a real QEMU: nothing of the pair is the model's, and both do what the model says of both."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pytest

from conformance.agreement import NOT_COMPARED
from conformance.cause import closest_release
from conformance.kernel.kernels import Kernels
from conformance.qemu.hypervisor import QemuHypervisor
from conformance.test_qemu_guest import LPAR, MASKS, RAGGED, life
from model.defects import apply, of_release
from model.events import SetMask, Step
from model.guest.kernel import Kernel
from model.interfaces import Answer
from model.run import InvariantBroken, Run

STEPS = 50
SEEDS = (1, 2)


class Lived(NamedTuple):
    """A step as it ended: the answer, and the invariants that it broke."""

    answer: Answer
    broken: frozenset[str]


def lived(run: Run, steps: Sequence[Step]) -> list[Lived]:
    """Each step, whatever breaks."""
    found = []
    for step in steps:
        broken = frozenset[str]()
        try:
            run.step(step)
        except InvariantBroken as wrong:
            broken = frozenset(violation.invariant for violation in wrong.violations)
        found.append(Lived(run.history[-1].answer, broken))
    return found


def drawn(run: Run, random: Random) -> tuple[list[Step], list[Lived]]:
    """A life of a pair, and how it went; what the defects do not yet say of a release's C is left out."""
    steps: list[Step] = []
    went: list[Lived] = []
    while len(steps) < STEPS:
        step = Step(life(random, run))
        if run.impossible(step.event) is None and not isinstance(step.event, NOT_COMPARED):
            steps.append(step)
            went += lived(run, [step])
    return steps, went


@pytest.mark.parametrize("number", SEEDS)
def test_the_kernels_c_on_qemu_does_what_its_model_does_on_the_models_platform(
    kernels: Kernels, hypervisor: QemuHypervisor, number: int
) -> None:
    steps, went = drawn(Run(hypervisor.profile(), LPAR, kernels, lambda *_: hypervisor), Random(number))
    model = apply(Kernel, of_release(closest_release(kernels.tree.version)))
    assert went == lived(Run(hypervisor.profile(), LPAR, model), steps)


def test_a_finding_of_the_kernels_c_is_seen_in_qemus_tables(kernels: Kernels, hypervisor: QemuHypervisor) -> None:
    steps = [Step(SetMask(0, MASKS[0]))]
    went = lived(Run(hypervisor.profile(), RAGGED, kernels, lambda *_: hypervisor), steps)
    assert "ram-covered" in went[0].broken
    assert went != lived(Run(hypervisor.profile(), RAGGED), steps)
