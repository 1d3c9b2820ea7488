# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding is put down to the defects without which it would not be there."""

import json
from pathlib import Path

import pytest

from conformance.cause import causes, closest_release
from model.trace import Trace, from_json

LEAK = Path(__file__).parent / "vectors" / "split-unmap-leak" / "trace.json"


@pytest.fixture
def leak() -> Trace:
    """VPMEM is mapped and unmapped in a split window."""
    return from_json(json.loads(LEAK.read_text()))


WRONG_ROUTE = "route-agrees: map set TCEs for this handle, unmap took it for a direct one (Unmap)"


def test_the_defect_that_is_needed_is_named(leak: Trace) -> None:
    assert [defect.id for defect in causes(WRONG_ROUTE, leak, "6.12")] == ["unmap-by-offset-alone"]


def test_what_a_release_does_not_do_has_no_cause_there(leak: Trace) -> None:
    assert causes(WRONG_ROUTE, leak, "6.1") == []


def test_another_finding_on_the_same_trace_has_no_cause(leak: Trace) -> None:
    assert causes(WRONG_ROUTE + " and more", leak, "6.12") == []


@pytest.mark.parametrize(
    ("version", "release"),
    [((5, 15), "6.1"), ((6, 1), "6.1"), ((6, 11), "6.1"), ((6, 12), "6.12"), ((7, 2), "7.2"), ((8, 0), "7.3")],
)
def test_the_closest_release_is_the_newest_that_is_not_after(version: tuple[int, int], release: str) -> None:
    assert closest_release(version) == release
