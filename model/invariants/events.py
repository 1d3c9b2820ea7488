# SPDX-License-Identifier: GPL-2.0-or-later
"""Invariants about what an event must leave behind, and what it must not."""

from collections.abc import Iterator

from model.events import Attach, Detach, SetMask
from model.interfaces import MaskAnswer
from model.invariants.registry import Violation, invariant
from model.invariants.scene import Scene
from model.types import DmaMask

BITS_32 = DmaMask((1 << 32) - 1)


def failed_attempts(scene: Scene) -> Iterator[SetMask]:
    """A mask above 32 bits that did not lead to a dynamic window."""
    event = scene.event
    if isinstance(event, SetMask) and event.mask > BITS_32:
        view = scene.views.get(event.device)
        if view is not None and view.window is None:
            yield event


def mask_events(scene: Scene) -> Iterator[SetMask]:
    """A driver set its mask."""
    if isinstance(scene.event, SetMask):
        yield scene.event


def comings_and_goings(scene: Scene) -> Iterator[Attach | Detach]:
    """A device came or went."""
    if isinstance(scene.event, Attach | Detach):
        yield scene.event


@invariant(
    "enable-fails-clean", failed_attempts,
    "windows whose removal the hypervisor refused, and a default that it would not restore, are excused",
)  # fmt: skip
def fails_clean(scene: Scene, event: SetMask) -> Violation | None:
    """A DDW attempt that fails leaves the device as if it had not been tried: default window there, usable, and the
    answer says no bypass.
    """
    device = event.device
    view, before = scene.views[device], scene.before.get(device)
    if isinstance(scene.answer, MaskAnswer) and scene.answer.bypass:
        return Violation(
            "enable-fails-clean",
            "there is no dynamic window, and the answer says bypass",
            "no bypass",
            "bypass",
            device,
        )
    if before is None or before.window is not None:
        return None
    default = {t.liobn for t in before.tables}
    there = set(scene.windows[device])
    extra = there - default - scene.ledger.stranded
    if extra and default:
        return Violation("enable-fails-clean", "a window that nobody uses is left", "none", min(extra), device)
    if not default <= there:
        if device in scene.ledger.lost_default:
            return None
        return Violation("enable-fails-clean", "the default window is gone", "the default window", "none", device)
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


@invariant(
    "masks-do-no-harm", mask_events, "asking, and several functions of one PE, are not modelled yet; other PEs are"
)
def no_harm(scene: Scene, event: SetMask) -> Violation | None:
    """Asking which mask is possible changes nothing; setting one changes only what its answer says, for this function
    and for the others of its PE.
    """
    for crossing in scene.crossings:
        if crossing.device is not None and crossing.device != event.device:
            return Violation("masks-do-no-harm", f"{crossing.name} touches another device's window", f"device {event.device}",
                             f"device {crossing.device}", event.device)  # fmt: skip
    if event.mask <= BITS_32 and scene.crossings:
        return Violation(
            "masks-do-no-harm", "a 32-bit mask made calls", "no call", scene.crossings[0].name, event.device
        )
    before, after = scene.before.get(event.device), scene.views.get(event.device)
    if isinstance(scene.answer, MaskAnswer) and before is not None and after is not None:
        expected = event.mask if scene.answer.accepted else before.mask
        if after.mask != expected:
            return Violation(
                "masks-do-no-harm", "the mask is not what the answer says", expected, after.mask, event.device
            )
    return None


@invariant("detach-leaves-nothing", comings_and_goings)
def leaves_nothing(scene: Scene, event: Attach | Detach) -> Violation | None:
    """After detach no window, TCE, table, list entry or property of the PE is left, and a re-attached PE behaves like a
    new one.
    """
    device = event.device
    view = scene.guest.view(device)
    if isinstance(event, Attach):
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
    for liobn, dirty in scene.left:
        if dirty:
            return Violation("detach-leaves-nothing", "a TCE of the detached PE is left", "none", liobn, device)
        if liobn != scene.hypervisor.properties(scene.pes[device]).default_liobn and liobn not in scene.ledger.stranded:
            return Violation(
                "detach-leaves-nothing", "the guest left a window to the hypervisor", "removed", liobn, device
            )
    return None
