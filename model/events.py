# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a partition: the inputs of a run. A run is its events; everything else follows from them."""

from dataclasses import dataclass
from typing import TypeAlias

from model.types import BusAddress, Direction, DmaMask, PhysAddr, SegmentLimits, Span


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that the run dictates: the call at `point` that comes after `skip` others there gets `answer`.

    point: an RTAS call ("query", "create", "remove", "reset"), a hypercall by its LoPAR name, or "allocate" and what.
    answer: its status; 0 for a failed allocation. The call does not reach the hypervisor and has no effect.
    """

    point: str
    skip: int
    answer: int


@dataclass(frozen=True, slots=True)
class Attach:
    """DLPAR add of a device; boot attaches all of them. frozen: its PE came up frozen, and firmware names no window."""

    device: int
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Detach:
    """DLPAR remove of a device whose driver has ended its mappings; with the last one of a PE its node goes, and its slot
    is isolated.
    """

    device: int


@dataclass(frozen=True, slots=True)
class SetMask:
    """The device's driver sets its DMA mask."""

    device: int
    mask: DmaMask


@dataclass(frozen=True, slots=True)
class SetCoherentMask:
    """The device's driver sets its coherent mask. Linux: dma_set_coherent_mask()."""

    device: int
    mask: DmaMask


@dataclass(frozen=True, slots=True)
class AskMask:
    """The device's driver asks which mask it would need. Linux: dma_get_required_mask()."""

    device: int


@dataclass(frozen=True, slots=True)
class Replug:
    """The function is removed and found again while its node stays; its driver has ended its mappings.

    As by sysfs, or in EEH recovery of a driver that knows nothing of it: eeh_rmv_device(), pci_hp_add_devices().
    """

    device: int


@dataclass(frozen=True, slots=True)
class EehReset:
    """The slot of the device's PE is reset after an error, and its drivers go on: their mappings stay."""

    device: int


@dataclass(frozen=True, slots=True)
class Map:
    """The driver maps memory; the mapping gets the next number, from 0, if it succeeds. cpu: where it runs."""

    device: int
    memory: Span[PhysAddr]
    direction: Direction
    cpu: int = 0


@dataclass(frozen=True, slots=True)
class MapSg:
    """The driver maps a scatterlist; the mapping gets the next number if it succeeds.

    memory: its elements, each within the limits where it lies in memory. longest, boundary: the device's limits for a
    segment, as the driver has set them.
    """

    device: int
    memory: tuple[Span[PhysAddr], ...]
    direction: Direction
    longest: int
    boundary: int
    cpu: int = 0

    @property
    def limits(self) -> SegmentLimits:
        """What the device wants of each segment."""
        return SegmentLimits(self.longest, self.boundary)


@dataclass(frozen=True, slots=True)
class AllocCoherent:
    """The driver asks for a coherent buffer; it gets the next number if it succeeds.

    memory: as many bytes as it asks for, where the kernel's page allocator puts them: at a multiple of the smallest power
    of two pages that holds them. mask: the device's coherent mask: 32 bits, as it is from the start, the DMA mask that
    the driver has set, or its coherent mask.
    """

    device: int
    memory: Span[PhysAddr]
    mask: DmaMask
    cpu: int = 0


@dataclass(frozen=True, slots=True)
class MapUser:
    """User space maps memory at bus addresses of its own choice, from `iova` on, through its table `number`; the mapping
    gets the next number if it succeeds. It chooses none at which it has something mapped already.

    Linux: VFIO_IOMMU_MAP_DMA.
    """

    device: int
    number: int
    iova: BusAddress
    memory: Span[PhysAddr]
    direction: Direction


@dataclass(frozen=True, slots=True)
class Unmap:
    """The driver ends mapping number `mapping`, of a single buffer."""

    mapping: int


@dataclass(frozen=True, slots=True)
class UnmapSg:
    """The driver ends mapping number `mapping`, of a scatterlist."""

    mapping: int


@dataclass(frozen=True, slots=True)
class FreeCoherent:
    """The driver gives back coherent buffer number `mapping`."""

    mapping: int


@dataclass(frozen=True, slots=True)
class UnmapUser:
    """User space ends mapping number `mapping`. Linux: VFIO_IOMMU_UNMAP_DMA."""

    mapping: int


@dataclass(frozen=True, slots=True)
class Online:
    """RAM block number `block` goes online; `cancelled`: another notifier refuses it after the guest's."""

    block: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Offline:
    """RAM block number `block` goes offline; `refused`: memory could not be evacuated, nothing happens."""

    block: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class AddVpmem:
    """vPMEM range number `range` appears."""

    range: int


@dataclass(frozen=True, slots=True)
class RemoveVpmem:
    """vPMEM range number `range` disappears, nothing of it being mapped."""

    range: int


@dataclass(frozen=True, slots=True)
class OnlineVpmem:
    """vPMEM range number `range`, of which nothing is mapped, goes online as system RAM; `cancelled` as for RAM.

    Linux: daxctl reconfigure-device --mode=system-ram.
    """

    range: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class OfflineVpmem:
    """vPMEM range number `range` is no longer system RAM; `refused` as for RAM."""

    range: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class TakeOwnership:
    """User space takes the PE of the device with all its functions, whose drivers have ended their mappings.

    Linux: a VFIO group is opened, iommu_group_claim_dma_owner().
    """

    device: int


@dataclass(frozen=True, slots=True)
class CreateTable:
    """User space, which owns the PE of the device, asks for its table `number`, the first that it does not have.

    window_size: bytes. page_shift: log2 of an I/O page. Linux: VFIO_IOMMU_SPAPR_TCE_CREATE.
    """

    device: int
    number: int
    page_shift: int
    window_size: int
    levels: int = 1


@dataclass(frozen=True, slots=True)
class SetWindow:
    """The PE of the device is to translate by table `number` that was created for the PE of device `source`: the same one,
    or another in the same container, as VFIO tries when a group joins a container that has tables.
    """

    device: int
    number: int
    source: int


@dataclass(frozen=True, slots=True)
class UnsetWindow:
    """User space gives table `number` back; what it still has mapped there ends. Linux: VFIO_IOMMU_SPAPR_TCE_REMOVE, or
    the end of the process.
    """

    device: int
    number: int


@dataclass(frozen=True, slots=True)
class ReleaseOwnership:
    """User space, which has no table left, gives the PE of the device back; drivers may come."""

    device: int


@dataclass(frozen=True, slots=True)
class Reboot:
    """The partition reboots: drivers end their mappings first; the guest starts anew with the memory as it is."""


@dataclass(frozen=True, slots=True)
class Kexec:
    """The kernel starts another one in its place; its drivers have ended their mappings. Windows and their properties stay.
    Linux: kernel_kexec().
    """


@dataclass(frozen=True, slots=True)
class Kdump:
    """The kernel crashes, and one in `memory`, which was set aside for it, dumps it: devices go on with what they were
    given. Until the partition reboots, drivers do what dumping needs, and nothing else happens. Linux: crash_kexec().
    """

    memory: Span[PhysAddr]


Beginning: TypeAlias = Map | MapSg | AllocCoherent | MapUser
"""What begins a mapping."""
Ending: TypeAlias = Unmap | UnmapSg | FreeCoherent | UnmapUser
"""What ends one."""
ENDING: dict[type[Beginning], type[Ending]] = {
    Map: Unmap, MapSg: UnmapSg, AllocCoherent: FreeCoherent, MapUser: UnmapUser,
}  # fmt: skip
"""How a mapping ends that began so."""
Ownership: TypeAlias = TakeOwnership | CreateTable | SetWindow | UnsetWindow | ReleaseOwnership
"""What user space does with a PE besides mapping memory."""

Event: TypeAlias = (
    Attach | Detach | Replug | EehReset | SetMask | SetCoherentMask | AskMask | Beginning | Ending
    | Online | Offline | AddVpmem | RemoveVpmem | OnlineVpmem | OfflineVpmem | Ownership
    | Reboot | Kexec | Kdump
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One event, the answers dictated while it runs, and what other CPUs do meanwhile."""

    event: Event
    faults: tuple[Fault, ...] = ()
    inside: "tuple[Inside, ...]" = ()


@dataclass(frozen=True, slots=True)
class Inside:
    """Another CPU's event in the middle of a step: it comes at the point that follows `after` others.

    Points are the RTAS calls and hypercalls of the step's own event, just before each is carried out, and where it gives
    a lock back. The event runs to its end unless it has to wait for a lock; it is left out if it is impossible there.
    """

    after: int
    step: Step
