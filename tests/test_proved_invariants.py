# SPDX-License-Identifier: GPL-2.0-or-later
"""Each invariant is proved over sequences of events, or it is said what is missing."""

from collections.abc import Mapping

from model.invariants import INVARIANTS
from proofs.not_proved import NOT_PROVED
from proofs.obligation import Obligation, Scope, everything


def unaccounted(obligations: Mapping[str, Obligation], listed: Mapping[str, str]) -> set[str]:
    """The invariants of which no theorem speaks over sequences, and that are not said to be unproved."""
    proved = {o.supports for o in obligations.values() if o.scope is Scope.SEQUENCES}
    return INVARIANTS.keys() - proved - listed.keys()


def test_every_invariant_is_proved_over_sequences_or_listed() -> None:
    assert unaccounted(everything(), NOT_PROVED) == set()


def test_an_invariant_that_is_in_neither_place_is_missed() -> None:
    listed = {id: reason for id, reason in NOT_PROVED.items() if id not in ("kexec-keeps-running", "ram-covered")}
    assert unaccounted(everything(), listed) == {"kexec-keeps-running"}
    assert unaccounted({}, listed) == {"kexec-keeps-running", "ram-covered"}


def test_what_is_listed_are_invariants_with_a_reason() -> None:
    assert NOT_PROVED.keys() <= INVARIANTS.keys()
    assert all(len(reason.split()) > 4 for reason in NOT_PROVED.values())
