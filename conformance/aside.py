# SPDX-License-Identifier: GPL-2.0-or-later
"""Where C leaves open what happens: differences that no model can restate, each with its reason. They are counted."""

from contextlib import suppress

from conformance.differ import Difference
from conformance.scope import Bounded, OutOfScope
from model.calls import HcallAnswer, RtasAnswer, RtasCall, RtasStatus
from model.events import AskMask, Detach, Kdump, Kexec, Map, SetCoherentMask, SetMask, Step, Unmap
from model.guest.sizing import PAGE_SHIFT_OF_BIT
from model.interfaces import Crash
from model.ledger import pieces
from model.run import Done, GuestMaker, InvariantBroken, Run
from model.trace import Trace

INT_SHIFT = "F12: IOMMU_PAGE_MASK() shifts the int 1 by 34"
NEGATIVE_SHIFT = "F8: enable_ddw() of 6.1 shifts by the difference of RAM and I/O page, which is below 0"
FREED_TWICE = "F39: enable_ddw() frees a property that the node frees again; memory is no part of the model"
USE_AFTER_FREE = "F36, F43: the device goes through a pointer to a freed table"
BEHIND_THE_BITMAP = (
    "F26: iommu_range_alloc() searches beyond its bitmap, and takes what lies there in memory for entries"
)
BY_ITS_NAME = (
    "F58: 6.1 keeps nowhere whether a window of the kernel before is direct; the harness goes by its property's name"
)
FREED = "a pointer to a freed table"
"""As a guest's view names it."""


def set_aside(trace: Trace, difference: Difference, model: GuestMaker, release: str) -> str | None:
    """Why a difference says nothing of the model, None if it does."""
    at = difference.step
    if at < 0:
        return None
    followed = any(isinstance(step.event, Kexec | Kdump) for step in trace.steps[: at + 1])
    if release == "6.1" and difference.what == "window" and followed:
        return BY_ITS_NAME
    run = Run(trace.profile, trace.lpar, model, Bounded)
    for step in trace.steps[:at]:
        _go_on(run, step)
    step = trace.steps[at]
    if isinstance(step.event, Detach) and str(difference.one).startswith(
        "free of memory that is not allocated at device_tree.c"
    ):
        return FREED_TWICE
    if _uses_freed(run, step):
        return USE_AFTER_FREE
    _go_on(run, step)
    done = run.history[-1]
    if isinstance(step.event, Map) and any((crossing.page_shift or 0) >= 32 for crossing in done.crossings):
        return INT_SHIFT
    if isinstance(step.event, Map) and _leaves_its_table(run, done):
        return BEHIND_THE_BITMAP
    if release == "6.1" and isinstance(step.event, SetMask | SetCoherentMask) and _page_above_ram(done, trace):
        return NEGATIVE_SHIFT
    return None


def _go_on(run: Run, step: Step) -> None:
    if run.impossible(step.event) is None:
        with suppress(InvariantBroken, OutOfScope, Crash):
            run.step(step)


def _uses_freed(run: Run, step: Step) -> bool:
    """Whether the device of a driver's step points to a table that is gone."""
    match step.event:
        case SetMask(device, _) | SetCoherentMask(device, _) | AskMask(device) | Map(device, _, _, _):
            view = run.guest.view(device)
        case Unmap(number):
            view = run.guest.view(run.ledger.mappings[number].device)
        case _:
            return False
    return view is not None and FREED in view.traces


def _leaves_its_table(run: Run, done: Done) -> bool:
    """Whether a map named TCEs behind the end of the table on their window."""
    view = run.guest.view(done.step.event.device) if isinstance(done.step.event, Map) else None
    ends = {table.liobn: table.span.stop for table in view.tables} if view is not None else {}
    for crossing in done.crossings:
        if isinstance(crossing.answer, HcallAnswer) and not isinstance(crossing.call, RtasCall):
            named = pieces(crossing.call, crossing.answer, 1 << (crossing.page_shift or 0))
            if any(span.stop > ends.get(crossing.call.liobn, span.stop) for span, _, _ in named):
                return True
    return False


def _page_above_ram(done: Done, trace: Trace) -> bool:
    """Whether a query offered I/O pages larger than all RAM."""
    ram = max(trace.lpar.hotplug_max - 1, 0).bit_length()
    for crossing in done.crossings:
        if crossing.name == "query" and isinstance(crossing.answer, RtasAnswer):
            offered = crossing.answer.outputs[-2] if crossing.answer.status is RtasStatus.SUCCESS else 0
            if any(offered >> bit & 1 and shift > ram for bit, shift in enumerate(PAGE_SHIFT_OF_BIT)):
                return True
    return False
