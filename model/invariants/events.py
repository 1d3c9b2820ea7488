# SPDX-License-Identifier: GPL-2.0-or-later
"""Invariants about what an event must leave behind, and what it must not."""

from collections.abc import Iterator

from model.events import (
    AskMask,
    Attach,
    CreateTable,
    Detach,
    ReleaseOwnership,
    Replug,
    SetCoherentMask,
    SetMask,
    TakeOwnership,
)
from model.interfaces import GuestDevice, MaskAnswer
from model.invariants.owners import leaves_something, not_as_at_boot, not_taken_clean
from model.invariants.registry import Violation, invariant
from model.invariants.scene import Scene
from model.ledger import Crossing
from model.types import DmaMask

BITS_32 = DmaMask((1 << 32) - 1)


def failed_attempts(scene: Scene) -> Iterator[SetMask | CreateTable]:
    """A mask above 32 bits that did not lead to a dynamic window, and a table that user space could not have."""
    event = scene.event
    if isinstance(event, CreateTable) and scene.answer is None:
        yield event
    if isinstance(event, SetMask) and event.mask > BITS_32:
        view = scene.views.get(event.device)
        if view is not None and view.window is None:
            yield event


MaskEvent = SetMask | SetCoherentMask | AskMask


def mask_events(scene: Scene) -> Iterator[MaskEvent]:
    """A driver set a mask, or asked for one."""
    if isinstance(scene.event, MaskEvent):
        yield scene.event


Hands = TakeOwnership | ReleaseOwnership
"""Events by which a PE changes hands."""


def comings_and_goings(scene: Scene) -> Iterator[Attach | Detach | Replug | Hands]:
    """A device came or went, or both, or a PE changed hands."""
    if isinstance(scene.event, Attach | Detach | Replug | Hands):
        yield scene.event


@invariant(
    "enable-fails-clean", failed_attempts,
    "windows whose removal the hypervisor refused, and a default that it would not restore, are excused; a kernel that dumps "
    "one which crashed in an attempt cannot know what that left",
)  # fmt: skip
def fails_clean(scene: Scene, event: SetMask | CreateTable) -> Violation | None:
    """A DDW attempt that fails leaves the device as if it had not been tried: default window there, usable, and the
    answer says no bypass. So does a table that user space cannot have.
    """
    device = event.device
    if isinstance(event, CreateTable):
        wrong = leaves_something(scene, event)
        return None if wrong is None else Violation("enable-fails-clean", *wrong, device)
    view, before = scene.views[device], scene.before.get(device)
    if isinstance(scene.answer, MaskAnswer) and scene.answer.bypass:
        return Violation(
            "enable-fails-clean",
            "there is no dynamic window, and the answer says bypass",
            "no bypass",
            "bypass",
            device,
        )
    if before is None or before.window is not None or scene.unsure(device):
        return None
    default = {t.liobn for t in before.tables}
    there = set(scene.windows[device])
    extra = there - default - scene.ledger.stranded
    if extra and default:
        left = scene.windows[device][min(extra)]
        return Violation(
            "enable-fails-clean", "a window that nobody uses is left", "none", left.liobn, device, left.span
        )
    if not default <= there:
        if scene.lpar.functions[device] in scene.ledger.lost_default:
            return None
        gone = next(t.span for t in before.tables if t.liobn not in there)
        return Violation("enable-fails-clean", "the default window is gone", "the default window", "none", device, gone)
    if {t.liobn for t in view.tables} != default or view.has_default_property != before.has_default_property:
        return Violation(
            "enable-fails-clean", "the device lost its default table or property", "both as before", "lost", device
        )
    refused = isinstance(scene.answer, MaskAnswer) and not scene.answer.accepted
    usable = any(t.span.start <= event.mask for t in before.tables)
    if usable and (refused or view.current not in default):
        return Violation(
            "enable-fails-clean", "the device cannot use its default window", "accepted, mapping through it",
            "refused" if refused else "another table or none", device,
        )  # fmt: skip
    return None


@invariant("masks-do-no-harm", mask_events, "functions that had events of their own meanwhile are left out")
def no_harm(scene: Scene, event: MaskEvent) -> Violation | None:
    """Asking which mask is possible changes nothing; setting one changes only what its answer says, for this function
    and for the others of its PE.
    """
    wrong = _foreign_call(scene, event) or _own_harm(scene, event) or _harm_to_others(scene, event)
    return Violation("masks-do-no-harm", *wrong, event.device) if wrong is not None else None


Wrong = tuple[str, int | str, int | str]
"""Message, expected, observed."""


def _foreign_call(scene: Scene, event: MaskEvent) -> Wrong | None:
    for crossing in scene.crossings:
        if crossing.pe is not None and crossing.pe != scene.lpar.functions[event.device]:
            return (
                f"{crossing.name} touches another PE's window",
                f"PE {scene.lpar.functions[event.device]}",
                crossing.pe,
            )
    if isinstance(event, AskMask):
        change = next((crossing for crossing in scene.crossings if _changes(crossing)), None)
        return None if change is None else ("asking for a mask made a call that changes something", "none", change.name)
    if event.mask <= BITS_32 and scene.crossings:
        return "a 32-bit mask made calls", "no call", scene.crossings[0].name
    return None


def _changes(crossing: Crossing) -> bool:
    return crossing.name not in ("query", "H_GET_TCE")


def _own_harm(scene: Scene, event: MaskEvent) -> Wrong | None:
    before, after = scene.before.get(event.device), scene.views.get(event.device)
    if before is None or after is None:
        return None
    if isinstance(event, SetMask):
        if not isinstance(scene.answer, MaskAnswer):
            return None
        expected = event.mask if scene.answer.accepted else before.mask
    else:
        expected = before.mask
    if after.mask != expected:
        return "the mask is not what the answer says", expected, after.mask
    if isinstance(event, AskMask) and (after.current, after.window) != (before.current, before.window):
        return "asking for a mask changed the windows of the device", "no change", "another window"
    if isinstance(event, AskMask) and list(after.traces) != list(before.traces):
        return "asking for a mask left something behind", ", ".join(before.traces) or "nothing", ", ".join(after.traces)
    if isinstance(event, SetCoherentMask) and _lost(scene, event.device, before, after):
        return "a coherent mask took the window that the device maps through", f"LIOBN {before.current:#x}", "none"
    return None


def _harm_to_others(scene: Scene, event: MaskEvent) -> Wrong | None:
    for device in scene.run.siblings(event.device) - scene.touched - {event.device}:
        busy = any(getattr(other, "device", None) == device for other in scene.ledger.under_way)
        before, after = scene.before.get(device), scene.views.get(device)
        if busy or before is None or after is None:
            continue
        if after.mask != before.mask:
            return f"the mask of function {device} changed with it", before.mask, after.mask
        if _lost(scene, device, before, after):
            return f"function {device} lost the window that it maps through", f"LIOBN {before.current:#x}", "none"
    return None


def _lost(scene: Scene, device: int, before: GuestDevice, after: GuestDevice) -> bool:
    """Whether a device that had a table within its mask has none any more."""
    if before.current is None or scene.unsure(device):
        return False
    reached = any(t.liobn in scene.windows[device] and t.span.start <= after.mask for t in after.tables)
    return not (reached and after.current in scene.windows[device])


@invariant(
    "detach-leaves-nothing", comings_and_goings,
    "of a PE given back a default window that the hypervisor would not restore is excused; of one that is taken no refusal, "
    "since it could have been kept",
)  # fmt: skip
def leaves_nothing(scene: Scene, event: Attach | Detach | Replug | Hands) -> Violation | None:
    """After detach no window, TCE, table, list entry or property of the PE is left, and a re-attached PE behaves like a
    new one; so does one that user space gives back or could not get, and one that it gets reaches nothing.
    """
    device = event.device
    if isinstance(event, Hands):
        taken = isinstance(event, TakeOwnership) and scene.answer is True
        wrong = not_taken_clean(scene, event) if taken else not_as_at_boot(scene, event)
        return None if wrong is None else Violation("detach-leaves-nothing", *wrong, device)
    view = scene.guest.view(device)
    if isinstance(event, Attach | Replug) and view is not None and view.mask != BITS_32:
        return Violation("detach-leaves-nothing", "a device that is found again is not like a new one", f"mask {BITS_32:#x}",
                         view.mask, device)  # fmt: skip
    if isinstance(event, Replug):
        return None
    if isinstance(event, Attach):
        if scene.run.siblings(device) != {device} and view is not None:
            return None
        if view is None or view.window is not None or view.traces:
            left = "nothing" if view is None else ", ".join(view.traces) or "a window"
            return Violation(
                "detach-leaves-nothing", "a re-attached PE is not like a new one", "a fresh PE", left, device
            )
        return None
    if view is not None:
        return Violation(
            "detach-leaves-nothing", "the guest still holds the detached device", "nothing", "a device", device
        )
    default = scene.hypervisor.properties(scene.run.pe(device)).default_liobn
    for window, dirty in scene.left:
        liobn, at = window.liobn, window.span
        if dirty:
            return Violation("detach-leaves-nothing", "a TCE of the detached PE is left", "none", liobn, device, at)
        if liobn != default and liobn not in scene.ledger.stranded:
            return Violation(
                "detach-leaves-nothing", "the guest left a window to the hypervisor", "removed", liobn, device, at
            )
    return None
