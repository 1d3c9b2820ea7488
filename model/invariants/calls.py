# SPDX-License-Identifier: GPL-2.0-or-later
"""Invariants about single calls."""

from collections.abc import Iterator

from model.calls import GetRun, GetTce, HcallAnswer, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun
from model.events import Detach, Offline, OfflineVpmem, Online, OnlineVpmem, SetMask
from model.interfaces import GuestTable
from model.invariants.registry import Violation, invariant
from model.invariants.scene import Scene, only
from model.ledger import Crossing, pieces
from model.profiles import MultiTce
from model.types import CONTROL, Span

MOST_PER_CALL = 512
MULTI_TCE = {"H_STUFF_TCE": MultiTce.STUFF, "H_PUT_TCE_INDIRECT": MultiTce.INDIRECT}
ARITY = {"query": ((3,), (5, 6)), "create": ((5,), (4,)), "remove": ((1,), (1,)), "reset": ((3, 4), (1,))}
"""Inputs and outputs of the RTAS calls: LoPAR tables 129, 130, 131, 133, and the four-input reset of LoPAR 2.13."""


def all_calls(scene: Scene) -> Iterator[Crossing]:
    """Every call of the step."""
    return iter(scene.crossings)


def removals(scene: Scene) -> Iterator[Crossing]:
    """Calls that take windows away."""
    return (c for c in scene.crossings if c.name in ("remove", "reset") and not c.injected)


def hcalls_and_tables(scene: Scene) -> Iterator[Crossing | tuple[int, GuestTable]]:
    """Everything that names a LIOBN: the step's hypercalls, and the tables that the guest keeps."""
    yield from (c for c in scene.crossings if not isinstance(c.call, RtasCall))
    functions, opening = scene.lpar.functions, scene.run.opening
    yield from (kept for kept in scene.kept_tables if functions[kept[0]] not in opening)


def memory_writes(scene: Scene) -> Iterator[Crossing]:
    """TCE writes of a RAM pre-map or of a hotplug event."""
    if isinstance(scene.event, Online | Offline | OnlineVpmem | OfflineVpmem):
        yield from (c for c in scene.crossings if not isinstance(c.call, RtasCall | GetTce | GetRun))
    if isinstance(scene.event, SetMask):
        yield from (c for c in scene.crossings if not isinstance(c.call, RtasCall | GetTce | GetRun) and _grants(c))


def _grants(crossing: Crossing) -> bool:
    call = crossing.call
    if isinstance(call, TceRun):
        return bool(call.first & CONTROL)
    if isinstance(call, PutTceIndirect):
        return any(tce & CONTROL for tce in call.tces)
    return isinstance(call, PutTce | StuffTce) and bool(call.tce & CONTROL)


@invariant("calls-well-formed", all_calls)
def well_formed(scene: Scene, crossing: Crossing) -> Violation | None:
    """Each RTAS call and hcall has the arity, token, alignment and count its source demands."""
    wrong = _rtas_fault(scene, crossing) if isinstance(crossing.call, RtasCall) else _hcall_fault(scene, crossing)
    if wrong is None:
        return None
    return Violation(
        "calls-well-formed", f"{crossing.name}: {wrong[0]}", wrong[1], wrong[2], scene.device_at(crossing.pe),
        None if isinstance(crossing.call, RtasCall) else only(crossing.call.ioba),
    )  # fmt: skip


def _rtas_fault(scene: Scene, crossing: Crossing) -> tuple[str, int | str, int | str] | None:
    call = crossing.call
    assert isinstance(call, RtasCall)
    if crossing.name not in ARITY:
        return "token that firmware did not give", "a token of the device tree", call.token
    inputs, outputs = ARITY[crossing.name]
    if len(call.args) not in inputs:
        return "number of inputs", str(inputs), len(call.args)
    if call.nret not in outputs:
        return "number of outputs", str(outputs), call.nret
    if call.nret == 6 and scene.profile.query_outputs != 6:
        return "six outputs that firmware does not offer", 5, 6
    if crossing.name == "reset" and len(call.args) == 4 and (not offers_limited(scene) or call.args[3] not in (0, 1)):
        return "limited addressing that firmware does not offer", 3, 4
    if crossing.name != "remove" and crossing.pe is None:
        return "no PE has this address", "a PE of the partition", str(call.args[:3])
    return None


def offers_limited(scene: Scene) -> bool:
    """Whether `ibm,ddw-extensions` has a fourth cell that allows limited addressing."""
    cells = scene.profile.extensions
    return len(cells) > 3 and cells[0] >= 3 and cells[3] != 0


def _hcall_fault(scene: Scene, crossing: Crossing) -> tuple[str, int | str, int | str] | None:
    call = crossing.call
    assert not isinstance(call, RtasCall)
    if MULTI_TCE.get(crossing.name, MultiTce.NONE) not in scene.lpar.multi_tce:
        return "firmware lacks hcall-multi-tce", "H_PUT_TCE", crossing.name
    if isinstance(call, TceRun):
        count = min(call.per_call, call.entries)
    else:
        count = call.count if isinstance(call, StuffTce | PutTceIndirect) else 1
    if not 1 <= count <= MOST_PER_CALL:
        return "TCEs in one call", "1 to 512", count
    page = 1 << (crossing.page_shift or 12)
    if call.ioba % page:
        return "IOBA inside an I/O page", f"a multiple of {page:#x}", call.ioba
    if isinstance(call, PutTceIndirect):
        tces = list(call.tces)
        if call.list_addr % 4096:
            return "list inside a page", "a multiple of 0x1000", call.list_addr
    else:
        tces = [call.first] if isinstance(call, TceRun) else [call.tce] if isinstance(call, PutTce | StuffTce) else []
    for tce in tces:
        if tce & CONTROL and (tce & ~CONTROL) % page:
            return "TCE not at an I/O page", f"a multiple of {page:#x}", tce
    return None


@invariant("window-empty-at-removal", removals, "TCEs that the hypervisor had refused to clear are excused")
def empty_at_removal(scene: Scene, crossing: Crossing) -> Violation | None:
    """No window is removed or reset while it holds a valid TCE."""
    if crossing.dirty is None:
        return None
    return Violation(
        "window-empty-at-removal", f"{crossing.name} of a window that still maps memory", "no valid TCE", "valid TCEs",
        scene.device_at(crossing.pe), crossing.dirty,
    )  # fmt: skip


@invariant(
    "no-dead-liobn",
    hcalls_and_tables,
    "a PE whose window is being opened, under dma_win_init_mutex, may have given one up; a kernel that dumps one "
    "which crashed there cannot know",
)
def liobn_alive(scene: Scene, subject: Crossing | tuple[int, GuestTable]) -> Violation | None:
    """No hcall names a window that does not exist; no device keeps a table whose window is gone."""
    if isinstance(subject, Crossing):
        assert not isinstance(subject.call, RtasCall)
        device, liobn, at = scene.device_at(subject.pe), subject.call.liobn, only(subject.call.ioba)
        if subject.page_shift is not None or _may_be_gone(scene, liobn):
            return None
        what = f"{subject.name} names a window that does not exist"
    else:
        device, liobn, at = subject[0], subject[1].liobn, subject[1].span
        if liobn in scene.windows[subject[0]] or _may_be_gone(scene, liobn):
            return None
        what = "the device keeps a table of a window that is gone"
    return Violation("no-dead-liobn", what, "a LIOBN that create returned", liobn, device, at)


def _may_be_gone(scene: Scene, liobn: int) -> bool:
    """Whether a kernel that dumps another one cannot know that the window is there."""
    return any(t.liobn == liobn for d, t in scene.kept_tables if scene.unsure(d))


def _went(scene: Scene, crossing: Crossing) -> bool:
    going = {event.device for event in scene.ledger.under_way if isinstance(event, Detach)}
    return any(scene.lpar.functions[device] == crossing.pe for device in scene.touched - scene.attached | going)


@invariant("no-write-outside", memory_writes)
def writes_inside(scene: Scene, crossing: Crossing) -> Violation | None:
    """No RAM pre-map or hotplug event writes a TCE outside the direct region."""
    call, answer = crossing.call, crossing.answer
    assert not isinstance(call, RtasCall) and isinstance(answer, HcallAnswer)
    device = scene.device_at(crossing.pe)
    view = scene.views.get(device) if device is not None else None
    window = view.window if view is not None and view.window and view.window.liobn == call.liobn else None
    if window is None and (isinstance(scene.event, SetMask) or _went(scene, crossing)):
        return None  # the window is gone again: an attempt that failed, or its PE was detached meanwhile
    region = window.direct if window is not None else Span(call.ioba, call.ioba)
    for span, _, _ in pieces(call, answer, 1 << (crossing.page_shift or 12)):
        if not region.covers(span):
            outside = span.start if span.start < region.start or span.start >= region.stop else region.stop
            return Violation(
                "no-write-outside", f"{crossing.name} writes TCEs beyond the pre-mapped part",
                f"{region.start:#x} to {region.stop:#x}", outside, device, only(outside),
            )  # fmt: skip
    return None
