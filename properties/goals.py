# SPDX-License-Identifier: GPL-2.0-or-later
"""What the main job must have seen; a run that has not seen all of it fails, whatever its invariants say."""

from model.guest.enable import Outcome
from model.invariants import INVARIANTS
from properties.strategies import ALLOCATIONS, HCALL_ANSWERS, RTAS_ANSWERS, WRITES

EVENTS = (
    "event Attach: None", "event Detach: None", "event Reboot: None", "event AddVpmem: None", "event RemoveVpmem: None",
    "event Online: True", "event Online: False", "event Offline: True", "event Offline: False",
    "event Map: handle", "event Map: None", "event Unmap: None",
    "event SetMask: accepted=True bypass=True", "event SetMask: accepted=True bypass=False",
    "event SetMask: accepted=False bypass=False",
)  # fmt: skip
"""Every event with every kind of answer."""
OUTCOMES = tuple(f"enable: {outcome}" for outcome in Outcome)
"""Every way in which enable can end."""
STATUSES = (
    *(f"{call}: {status.name}" for call, answers in RTAS_ANSWERS.items() for status in answers),
    *(f"{call}: SUCCESS" for call in RTAS_ANSWERS),
    *(f"{call}: {status.name}" for call in WRITES for status in HCALL_ANSWERS),
    *(f"{call}: SUCCESS" for call in WRITES),
)
"""Every status of every call that LoPAR lets it have."""
FAILURES = tuple(f"{allocation}: fails" for allocation in ALLOCATIONS)
"""Every allocation of the guest, failing."""

APPLIED = tuple(f"invariant {name}" for name in INVARIANTS)
"""Every invariant, applied to something."""

GOALS = (*APPLIED, *EVENTS, *OUTCOMES, *STATUSES, *FAILURES)
