# SPDX-License-Identifier: GPL-2.0-or-later
"""What the main job must have seen; a run that has not seen all of it fails, whatever its invariants say."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from model.calls import HcallStatus, RtasCall
from model.guest.enable import Outcome
from model.guest.vfio import TableOutcome
from model.invariants import INVARIANTS
from model.possible import BITS_32
from model.profiles import Lpar, MultiTce, Profile
from model.run import Run
from model.types import GIB, TIB
from properties.strategies import ALLOCATIONS, COHERENT_PAGES, HCALL_ANSWERS, RTAS_ANSWERS, USER_VIEW, WRITES

EVENTS = (
    "event Attach: None", "event Detach: None", "event Reboot: None", "event AddVpmem: None", "event RemoveVpmem: None",
    "event Online: True", "event Online: False", "event Offline: True", "event Offline: False",
    "event Map: handle", "event Map: None", "event Unmap: None",
    "event MapSg: segments", "event MapSg: None", "event UnmapSg: None",
    "event AllocCoherent: handle", "event AllocCoherent: None", "event FreeCoherent: None",
    "event SetMask: accepted=True bypass=True", "event SetMask: accepted=True bypass=False",
    "event SetMask: accepted=False bypass=False", "event SetCoherentMask: True", "event SetCoherentMask: False",
    "event AskMask: a mask", "event AskMask: none", "event Replug: None", "event EehReset: None",
    "event TakeOwnership: True", "event TakeOwnership: False", "event ReleaseOwnership: None",
    "event CreateTable: handle", "event CreateTable: None", "event SetWindow: True", "event SetWindow: False",
    "event UnsetWindow: True", "event UnsetWindow: False",
    "event MapUser: handle", "event MapUser: None", "event UnmapUser: None",
    "event OnlineVpmem: True", "event OnlineVpmem: False", "event OfflineVpmem: True", "event OfflineVpmem: False",
    "event Kexec: None", "event Kdump: None",
)  # fmt: skip
"""Every event with every kind of answer."""
OUTCOMES = (
    *(f"enable: {outcome}" for outcome in Outcome), *(f"create table: {outcome}" for outcome in TableOutcome),
)  # fmt: skip
"""Every way in which enable can end, and a request of user space for a table."""
STATUSES = (
    *(f"{call}: {status.name}" for call, answers in RTAS_ANSWERS.items() for status in answers),
    *(f"{call}: SUCCESS" for call in RTAS_ANSWERS),
    *(f"{call}: {status.name}" for call in WRITES for status in HCALL_ANSWERS),
    *(f"{call}: SUCCESS" for call in WRITES),
    *(f"H_GET_TCE: {status.name}" for status in (HcallStatus.SUCCESS, *HCALL_ANSWERS)),
)
"""Every status of every call that LoPAR lets it have."""
FAILURES = tuple(f"{allocation}: fails" for allocation in (*ALLOCATIONS, COHERENT_PAGES, USER_VIEW))
"""Every allocation of the guest, failing."""
BRANCHES = (
    "scatterlist: direct", "scatterlist: merged", "scatterlist: kept apart by the device's limits",
    "scatterlist: undone in the middle", "scatterlist: an empty element", "coherent: direct",
    "kdump: a full table gives up its last entries",
    *(f"take: {use}" for use in ("direct window", "dynamic window", "split window", "default window alone")),
    "the default window came back", "several functions change hands",
    "back to the host: accepted=True bypass=True", "back to the host: accepted=True bypass=False",
)  # fmt: skip
"""What the reference does with scatterlists and coherent buffers besides mapping them one by one, what user space takes a
PE from and what its drivers find afterwards, and when it dumps another kernel.
"""

INSIDE = (
    *(f"inside: {inner} in SetMask" for inner in ("Online", "Offline", "SetMask", "Map", "Unmap")),
    *(f"inside: {inner} in {outer}" for outer in ("Online", "Offline") for inner in ("SetMask", "Map", "Unmap", "Detach")),
    *(f"inside: {inner} in TakeOwnership" for inner in ("Online", "Offline", "SetMask")),
    *(f"inside: {inner} in {outer}" for outer in ("Map", "Unmap") for inner in ("Map", "Unmap", "Online", "Offline")),
    *(f"inside: Kdump in {outer}" for outer in ("SetMask", "Map", "Unmap", "Online", "Offline")),
    "waited for dma_win_init_mutex", "waited for mem_hotplug_lock", "waited for dma_win_list_lock",
)  # fmt: skip
"""What another CPU did in the middle of what, and the locks that had to be waited for."""
APPLIED = tuple(f"invariant {name}" for name in INVARIANTS)
"""Every invariant, applied to something."""

SIZES = (
    *(f"created with I/O pages of 2^{shift}" for shift in (12, 16, 21, 24, 25, 26, 27, 28, 34)),
    *(f"created a window of 2^{decade} to 2^{decade + 9}" for decade in (20, 30, 40, 50)), "created a window of 2^60 to 2^63",
)  # fmt: skip
"""The whole range of I/O pages and windows."""
SHAPES: dict[str, Callable[[Profile, Lpar], bool]] = {
    "RAM of at most 1 GiB": lambda _, lpar: lpar.blocks[-1].stop <= GIB,
    "RAM of 32 TiB and more": lambda _, lpar: lpar.blocks[-1].stop >= 32 * TIB,
    "RAM with a hole": lambda _, lpar: any(a.stop < b.start for a, b in pairwise(lpar.blocks)),
    "RAM with a reserved part": lambda _, lpar: bool(lpar.reserved),
    "RAM that may grow": lambda _, lpar: lpar.hotplug_max > lpar.blocks[-1].stop,
    "RAM beyond the maximum": lambda _, lpar: lpar.hotplug_max < lpar.blocks[-1].stop,
    "vPMEM above the maximum": lambda _, lpar: any(v.start >= lpar.hotplug_max for v in lpar.vpmem),
    "vPMEM below the maximum": lambda _, lpar: any(v.start < lpar.hotplug_max for v in lpar.vpmem),
    "kernel pages of 4K": lambda _, lpar: lpar.page == 12,
    "kernel pages of 64K": lambda _, lpar: lpar.page == 16,
    "no hcall-multi-tce": lambda _, lpar: lpar.multi_tce is MultiTce.NONE,
    "H_PUT_TCE_INDIRECT without H_STUFF_TCE": lambda _, lpar: lpar.multi_tce is MultiTce.INDIRECT,
    "H_STUFF_TCE without H_PUT_TCE_INDIRECT": lambda _, lpar: lpar.multi_tce is MultiTce.STUFF,
    "two PEs": lambda _, lpar: lpar.pes == 2,
    "functions that share a PE": lambda _, lpar: lpar.devices > lpar.pes,
    "a block that is no power of two": lambda profile, _: profile.block & (profile.block - 1) > 0,
    "windows below 4 GiB": lambda profile, _: profile.dma64 < 4 * GIB,
    "firmware without any extension": lambda profile, _: not profile.extensions,
}
"""What examples must have started from, by name."""

PARTS = (
    "reserved from the middle of an I/O page", "handle: ends where the mask does", "handle: ends where its window does",
)  # fmt: skip
"""How memory lies in the I/O pages of a window that was created, and handles where nothing follows them."""

GOALS = (*SIZES, *SHAPES, *PARTS, *APPLIED, *EVENTS, *OUTCOMES, *STATUSES, *FAILURES, *BRANCHES, *INSIDE)


def shapes_of(run: Run) -> Iterator[str]:
    """The shapes of a run's platform and partition, and the sizes of the windows it created."""
    yield from (name for name, holds in SHAPES.items() if holds(run.profile, run.lpar))
    for done in run.history:
        for crossing in done.crossings:
            if crossing.name == "create" and crossing.answer.status == 0 and isinstance(crossing.call, RtasCall):
                page_shift, window_shift = crossing.call.args[3:5]
                decade = window_shift // 10 * 10
                yield f"created with I/O pages of 2^{page_shift}"
                if any(end % (1 << page_shift) for part in run.lpar.reserved for end in part):
                    yield "reserved from the middle of an I/O page"
                yield f"created a window of 2^{decade} to 2^{min(decade + 9, 63)}"


def ends_of(run: Run) -> Iterator[str]:
    """Where the newest mapping ends, if that is where nothing can follow it."""
    made = next(reversed(run.ledger.mappings.values()), None)
    if made is None:
        return
    ends = {segment.stop for segment in made.segments}
    if run.ledger.masks.get(made.device, BITS_32) + 1 in ends:
        yield "handle: ends where the mask does"
    if any(window.span.stop in ends for window in run.hypervisor.windows(run.pe(made.device))):
        yield "handle: ends where its window does"
