# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports are what they were, say what a maintainer asks, and fit into a mail."""

from time import monotonic

import pytest

from ddwcheck import known
from ddwcheck.effects import EFFECTS
from model.defects import catalogue
from model.invariants import INVARIANTS
from tests import reports

FINDINGS = reports.findings()
KINDS = 12


def test_there_is_a_report_for_each_kind_that_6_12_breaks() -> None:
    assert len(FINDINGS) >= KINDS
    assert {f"{name}.txt" for name in FINDINGS} == {path.name for path in reports.FOLDER.iterdir()}


@pytest.mark.parametrize("invariant", FINDINGS)
def test_a_report_is_what_it_was_and_fits_into_a_mail(invariant: str) -> None:
    start = monotonic()
    text = reports.rendered(*FINDINGS[invariant])
    assert monotonic() - start < 10
    assert text == (reports.FOLDER / f"{invariant}.txt").read_text()
    assert max(map(len, text.splitlines())) <= 75 and text.isascii()
    for part in ("What is wrong", "First difference", "Effect", "Why", "What it takes", "Sequence", "Replay: ddwcheck"):
        assert f"\n{part}" in text


def test_every_invariant_has_an_effect() -> None:
    assert set(INVARIANTS) <= set(EFFECTS)


def test_fixes_names_what_brought_a_defect_in_and_never_what_fixed_it() -> None:
    assert list(known.fixes(["unmap-by-offset-alone"])) == ["ff5163bb7000"]
    assert list(known.fixes(["notifier-takes-every-window"])) == ["381ceda88c4c"]
    assert list(known.fixes(["stuff-without-limit", "set-ignores-errors"])) == []
    assert known.releases(["stuff-without-limit"]) == []
    assert all(known.why([name]) for name in catalogue())
