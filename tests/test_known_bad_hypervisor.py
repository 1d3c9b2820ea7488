# SPDX-License-Identifier: GPL-2.0-or-later
"""A hypervisor that breaks a requirement of LoPAR is caught by it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from model.calls import HcallAnswer, RtasAnswer, RtasCall, RtasStatus, StuffTce
from model.hypervisor import create, reset, tce_calls
from model.hypervisor.papr import Papr
from model.hypervisor.windows import Endpoint
from model.types import BusAddress, Liobn
from properties.hypervisor_machine import PromiseBroken, calls_of
from properties.settings import CI


def default_stays_away(papr: Papr, endpoint: Endpoint, removed: Liobn) -> bool:
    return False


def default_always_back(papr: Papr, endpoint: Endpoint, removed: Liobn) -> bool:
    return not endpoint.windows


def place_anywhere(papr: Papr, endpoint: Endpoint, page_shift: int, window_shift: int) -> BusAddress | None:
    return papr.profile.dma64


def create_then_fail(papr: Papr, call: RtasCall) -> RtasAnswer:
    answer = create.create_pe_dma_window(papr, call)
    return RtasAnswer(RtasStatus.HARDWARE, answer.outputs) if answer.status is RtasStatus.SUCCESS else answer


def stuff_one_more(papr: Papr, call: StuffTce) -> HcallAnswer:
    answer = tce_calls.h_stuff_tce(papr, call)
    window = papr.window(call.liobn)
    if answer.status == 0 and window is not None and 0 < call.count < window.entries - window.index_of(call.ioba):
        window.table.fill(window.index_of(call.ioba) + call.count, call.tce, 0, 1)
    return answer


def reset_keeps_windows(papr: Papr, call: RtasCall) -> RtasAnswer:
    endpoint = papr.endpoint_of(call.args[:3])
    kept = dict(endpoint.windows) if endpoint else {}
    answer = reset.reset_pe_dma_windows(papr, call)
    if answer.status == 0 and endpoint is not None:
        endpoint.windows |= kept
    return answer


WRONG: dict[str, tuple[str, Callable[..., Any], str]] = {
    "default stays away": ("default_comes_back", default_stays_away, "R1-7.3.27.3-3"),
    "default always back": ("default_comes_back", default_always_back, "R1-7.3.27.3-3"),
    "windows overlap": ("place", place_anywhere, "R1-5.1-3"),
    "a failing create leaves its window": ("create_pe_dma_window", create_then_fail, "R1-7.3.27.2-2"),
    "stuff writes one TCE more": ("h_stuff_tce", stuff_one_more, "14.5.4.2"),
    "reset keeps created windows": ("reset_pe_dma_windows", reset_keeps_windows, "R1-7.3.27.4.1-3"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_broken_requirement_is_named(name: str) -> None:
    rule, by, requirement = WRONG[name]
    assert rule in vars(Papr)
    wrong = type("Papr", (Papr,), {rule: by})
    broken = set()
    for platform in ("powervm-dedicated", "powervm-sriov-limited"):
        machine = seed(0)(calls_of(platform, wrong))
        try:
            run_state_machine_as_test(machine, settings=settings(CI, phases=[Phase.generate]))
        except PromiseBroken as promise:
            broken.add(promise.requirement)
        if requirement in broken:
            break
    assert requirement in broken
