# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports are what they were, say what a maintainer asks, and fit into a mail."""

from dataclasses import replace

import pytest

from ddwcheck import known, reach
from ddwcheck.effects import EFFECTS
from model.defects import catalogue
from model.events import AskMask, Fault, Inside, Step
from model.invariants import INVARIANTS
from model.profiles import POWERVM_SRIOV, LiobnOf, MultiTce, simple_lpar
from model.trace import EVENTS
from model.types import GIB
from tests import other_reports, reports

FINDINGS = reports.findings()
KINDS = 12


def test_there_is_a_report_for_each_kind_that_6_12_breaks() -> None:
    assert len(FINDINGS) >= KINDS
    assert {f"{name}.txt" for name in FINDINGS} == {path.name for path in reports.FOLDER.iterdir()}


@pytest.mark.parametrize("invariant", FINDINGS)
def test_a_report_is_what_it_was_and_fits_into_a_mail(invariant: str) -> None:
    text = reports.rendered(*FINDINGS[invariant])
    assert text == (reports.FOLDER / f"{invariant}.txt").read_text()
    assert max(map(len, text.splitlines())) <= 75 and text.isascii()
    for part in (
        "How a running system gets there",
        "What that assumes of the hypervisor",
        "Class: ",
        "What is wrong",
        "First difference",
        "Effect",
        "Why",
        "What it takes",
        "Sequence",
        "Replay: ddwcheck",
    ):
        assert f"\n{part}" in text


def test_every_invariant_has_an_effect() -> None:
    assert set(INVARIANTS) <= set(EFFECTS)


def test_fixes_names_what_brought_a_defect_in_and_never_what_fixed_it() -> None:
    assert list(known.fixes(["unmap-by-offset-alone"])) == ["ff5163bb7000"]
    assert list(known.fixes(["notifier-takes-every-window"])) == ["381ceda88c4c"]
    assert list(known.fixes(["stuff-without-limit", "set-ignores-errors"])) == []
    assert known.releases(["stuff-without-limit"]) == []
    assert all(known.why([name]) for name in catalogue())


def test_every_event_has_what_makes_it_happen() -> None:
    assert set(reach.CAUSES) == set(EVENTS.values())


def test_what_is_assumed_of_the_hypervisor_is_said_where_it_is_unusual() -> None:
    lpar, calm = simple_lpar(GIB), Step(AskMask(0))
    assert reach.assumptions(POWERVM_SRIOV, lpar, (calm,)) == []
    odd = replace(POWERVM_SRIOV, block=0x30, choices=replace(POWERVM_SRIOV.choices, liobn=LiobnOf.RECYCLED))
    failing = Step(AskMask(0), (Fault("reset", 0, -2), Fault("allocate table", 0, 0)))
    assert reach.assumptions(odd, replace(lpar, multi_tce=MultiTce.NONE), (failing,)) == [
        "ibm,reset-pe-dma-windows answers -2, once", "no memory for table, once (the kernel's own affair)",
        "firmware without hcall-multi-tce, or multitce=off on the kernel's command line",
        "another largest block, in TCEs, here 0x30", "where LoPAR is silent (A6): liobn=recycled",
    ]  # fmt: skip
    inside = Step(AskMask(0), inside=(Inside(0, failing),))
    assert "ibm,reset-pe-dma-windows answers -2, once" in reach.assumptions(POWERVM_SRIOV, lpar, (inside,))


def test_each_other_kind_has_its_report() -> None:
    assert {f"{name}.txt" for name in other_reports.KINDS} == {path.name for path in other_reports.FOLDER.iterdir()}


@pytest.mark.parametrize("kind", other_reports.KINDS)
def test_what_is_no_trace_is_told_in_the_same_order(kind: str) -> None:
    text = other_reports.KINDS[kind]()
    assert text == (other_reports.FOLDER / f"{kind}.txt").read_text()
    assert text.isascii() and max(map(len, text.splitlines())) <= 75
    parts = ("What is wrong", "First difference", "Effect", "How a running system gets there", "Class: ", "Found by: ",
             "Replay: ddwcheck ")  # fmt: skip
    places = [text.index(f"\n{part}") for part in parts]
    assert places == sorted(places)
