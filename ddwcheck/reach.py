# SPDX-License-Identifier: GPL-2.0-or-later
"""How a running system gets to where a trace leads, and what that assumes of its hypervisor: for the report."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from model import events
from model.events import Fault, Inside, Step
from model.profiles import PROFILES, Choices, Lpar, MultiTce, Profile
from model.silent import SILENCES
from model.types import Span

CAUSES: dict[Any, str] = {
    events.Attach: "a slot is added by DLPAR (drmgr -c pci -a), or hotplug",
    events.Detach: "a slot is removed by DLPAR (drmgr -c pci -r)",
    events.Replug: "a function is removed and found again: /sys/bus/pci/devices/*/remove, rescan, or EEH recovery",
    events.EehReset: "EEH resets the slot after an error, and the drivers go on",
    events.SetMask: "a driver's probe sets its DMA mask: dma_set_mask(), dma_set_mask_and_coherent()",
    events.SetCoherentMask: "a driver's probe sets its coherent mask alone: dma_set_coherent_mask()",
    events.AskMask: "a driver's probe asks for dma_get_required_mask()",
    events.Map: "a driver maps a buffer: dma_map_single(), dma_map_page()",
    events.MapSg: "a driver maps a scatterlist: dma_map_sg(), as block and network drivers do for each request",
    events.AllocCoherent: "a driver asks for a ring or a mailbox: dma_alloc_coherent()",
    events.Unmap: "a driver ends the mapping: dma_unmap_single(), dma_unmap_page()",
    events.UnmapSg: "a driver ends the mapping: dma_unmap_sg()",
    events.FreeCoherent: "a driver gives the buffer back: dma_free_coherent()",
    events.Online: "memory is added: DLPAR (drmgr -c mem -a), or online > /sys/devices/system/memory/memory*/state",
    events.Offline: "memory is taken away: DLPAR (drmgr -c mem -r), or offline > /sys/devices/system/memory/memory*/state",
    events.AddVpmem: "the platform adds a vPMEM volume",
    events.RemoveVpmem: "the platform takes a vPMEM volume away",
    events.OnlineVpmem: "vPMEM becomes system RAM: daxctl reconfigure-device --mode=system-ram",
    events.OfflineVpmem: "vPMEM is no longer system RAM: daxctl reconfigure-device --mode=devdax",
    events.Reboot: "the partition reboots",
    events.TakeOwnership: "user space takes the device: its driver is vfio-pci, and its VFIO group is opened",
    events.CreateTable: "user space asks for a window: VFIO_IOMMU_SPAPR_TCE_CREATE, as QEMU does for a guest's DDW",
    events.SetWindow: "a window is set for the group: VFIO_GROUP_SET_CONTAINER, VFIO_IOMMU_SPAPR_TCE_CREATE",
    events.MapUser: "user space maps memory: VFIO_IOMMU_MAP_DMA",
    events.UnmapUser: "user space ends a mapping: VFIO_IOMMU_UNMAP_DMA",
    events.UnsetWindow: "user space gives a window back: VFIO_IOMMU_SPAPR_TCE_REMOVE, or it ends",
    events.ReleaseOwnership: "user space gives the device back: the group is closed, and a driver of the host takes it",
    events.Kexec: "another kernel is started without firmware: kexec -l, kexec -e",
    events.Kdump: "the kernel crashes with a dump kernel loaded: crashkernel=, kdump, echo c > /proc/sysrq-trigger",
}
"""What makes each event happen."""

RTAS = {
    "query": "ibm,query-pe-dma-windows", "create": "ibm,create-pe-dma-window", "remove": "ibm,remove-pe-dma-window",
    "reset": "ibm,reset-pe-dma-windows",
}  # fmt: skip
LACKS = {
    MultiTce.NONE: "firmware without hcall-multi-tce, or multitce=off on the kernel's command line",
    MultiTce.INDIRECT: "firmware with H_PUT_TCE_INDIRECT but without H_STUFF_TCE, which LoPAR does not allow",
    MultiTce.STUFF: "firmware with H_STUFF_TCE but without H_PUT_TCE_INDIRECT, which LoPAR does not allow",
}


def way(steps: Sequence[Step]) -> list[str]:
    """What has to happen on a system, in the order in which it first does."""
    return list(dict.fromkeys(CAUSES[type(step.event)] for step in _all(steps)))


def assumptions(profile: Profile, lpar: Lpar, steps: Sequence[Step]) -> list[str]:
    """What the platform has to answer, lack or choose for it; nothing beyond its profile where the list is empty."""
    usual = PROFILES.get(profile.name, profile)
    found = [_answered(fault) for step in _all(steps) for fault in step.faults]
    found += [LACKS[lpar.multi_tce]] if lpar.multi_tce in LACKS else []
    found += [f"{FIELDS[name]}, here {_shown(getattr(profile, name))}" for name in FIELDS
              if getattr(profile, name) != getattr(usual, name)]  # fmt: skip
    found += [_choice(profile.choices, field.name) for field in fields(Choices)
              if getattr(profile.choices, field.name) != getattr(usual.choices, field.name)]  # fmt: skip
    return list(dict.fromkeys(found))


FIELDS = {
    "windows": "another number of windows for each PE", "block": "another largest block, in TCEs",
    "pages": "another mask of page sizes", "query_outputs": "another number of outputs of query",
    "extensions": "other cells of ibm,ddw-extensions", "default": "another default window",
    "dma64": "another place for windows that are created", "limited": "another place with limited addressing",
    "mmio32": "other bus addresses for 32-bit MMIO", "applicable": "nodes without ibm,ddw-applicable",
}  # fmt: skip
"""What a platform may have other than its profile says."""


def _all(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps with those that come inside others."""
    for step in steps:
        yield step
        inside: tuple[Inside, ...] = step.inside
        yield from _all([other.step for other in inside])


def _answered(fault: Fault) -> str:
    if fault.point.startswith("allocate "):
        return f"no memory for {fault.point.removeprefix('allocate ')}, once (the kernel's own affair)"
    return f"{RTAS.get(fault.point, fault.point)} answers {fault.answer}, once"


def _choice(choices: Choices, name: str) -> str:
    """A silence of LoPAR that the platform fills in another way than the profile."""
    number = next((f" ({s.number})" for s in SILENCES if s.choice == name), "")
    return f"where LoPAR is silent{number}: {name}={getattr(choices, name).name.lower()}"


def _shown(item: Any) -> str:
    if isinstance(item, Span):
        return f"{item.start:#x}..{item.stop - 1:#x}"
    if isinstance(item, tuple):
        return " ".join(map(str, item)) or "none"
    return hex(item) if isinstance(item, int) and not isinstance(item, bool) else str(item)
