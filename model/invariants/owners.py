# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold where a PE changes hands between the host and user space; parts of invariants in `events`."""

from model.calls import RtasCall
from model.events import CreateTable, ReleaseOwnership, TakeOwnership
from model.invariants.scene import Scene
from model.types import Liobn

Wrong = tuple[str, int | str, int | str]
"""Message, expected, observed."""


def not_taken_clean(scene: Scene, event: TakeOwnership | ReleaseOwnership) -> Wrong | None:
    """A TCE through which the device of a new owner still reaches memory.

    That the hypervisor refuses to remove a window now is no excuse: the host could have kept the device. A window that was
    left by an earlier refusal is one.
    """
    asked = [crossing.call.args[0] for crossing in scene.crossings if isinstance(crossing.call, RtasCall)]
    for liobn, window in sorted(scene.windows[event.device].items()):
        if window.table.valid() and (liobn in asked or liobn not in scene.ledger.stranded):
            return "user space is given a device that reaches memory", "no TCE", liobn
    return None


def not_as_at_boot(scene: Scene, event: TakeOwnership | ReleaseOwnership) -> Wrong | None:
    """What differs from a PE that has just been found: its default window, and each function mapping through that.

    Excused where firmware would not restore it, never named it, or where there was no memory for its table.
    """
    pe = scene.lpar.functions[event.device]
    default = scene.hypervisor.properties(scene.run.pe(event.device)).default_liobn
    left = set(scene.windows[event.device]) - scene.ledger.stranded - {default}
    if left:
        return "a window is left that the host does not know", "none", min(left)
    for device in sorted(scene.run.siblings(event.device)):
        view = scene.views[device]
        pointers = [trace for trace in view.traces if "freed" in trace]
        if view.window is not None or pointers:
            return f"function {device} keeps what was before", "nothing", ", ".join(pointers) or "a window"
        if pe in scene.ledger.lost_default | scene.ledger.frozen:
            continue
        if default not in scene.windows[device] or not view.has_default_property:
            return "the default window is gone", "the default window", "none"
        if not scene.lacked and (view.current != default or [t.liobn for t in view.tables] != [default]):
            return f"function {device} cannot map", f"LIOBN {default:#x}", "another table or none"
    return None


def leaves_something(scene: Scene, event: CreateTable) -> Wrong | None:
    """What a table that user space could not have has changed all the same."""
    device = event.device
    before, view = scene.before[device], scene.views[device]
    assert before is not None
    kept: set[Liobn] = {table.liobn for table in before.tables}
    if {table.liobn for table in view.tables} != kept:
        return "a table that could not be created changed others", f"{len(kept)} tables", f"{len(view.tables)}"
    default = scene.hypervisor.properties(scene.run.pe(device)).default_liobn
    there = set(scene.windows[device])
    extra = there - kept - scene.ledger.stranded - {default}
    if extra:
        return "a window that nobody uses is left", "none", min(extra)
    if list(view.traces) != list(before.traces):
        return "a table that could not be created left something behind", "nothing", ", ".join(view.traces)
    return None
