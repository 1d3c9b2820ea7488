# SPDX-License-Identifier: GPL-2.0-or-later
"""The boots that are judged: kernels, devices, I/O pages, memory that comes and goes, vPMEM, one window only."""

from dataclasses import dataclass

from model.types import GIB, KIB, MIB


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What the kernel reads instead of a query's answer; None: as QEMU gave it. LoPAR table 129."""

    windows: int | None = None
    block: int | None = None


DEFAULT_MAXIMUM = 16
"""GiB."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One boot, and what is expected of it.

    devices: QEMU's, with their options; those of bridge 1 name it. maximum: the highest address that RAM may have, in
    GiB. pages: the sizes of I/O pages that the bridges offer, as a mask, None for QEMU's own. vpmem: bytes. added: bytes
    of memory that come while it runs, in one DIMM; removed: whether they go again. queries: what is overwritten in the
    answers to the queries that drivers cause, in this order. direct: windows that are to map RAM. known: findings
    (FINDINGS.md), each with what it breaks: an invariant, DECISION, or what the kernel complains of.
    """

    name: str
    flavour: str
    devices: tuple[str, ...]
    maximum: int = DEFAULT_MAXIMUM
    pages: int | None = None
    ddw: bool = True
    vpmem: int = 0
    added: int = 0
    removed: bool = False
    queries: tuple[Overwrite, ...] = ()
    direct: int = 1
    known: tuple[tuple[str, str], ...] = ()

    @property
    def platform(self) -> str:
        """What is unusual about it, in words."""
        said = [] if self.ddw else ["no DDW"]
        if self.pages is not None:
            shifts = [shift for shift in range(12, 35) if self.pages >> shift & 1]
            said.append("I/O pages " + " ".join(f"{1 << shift % 10}{'KMG'[shift // 10 - 1]}" for shift in shifts))
        if self.maximum != DEFAULT_MAXIMUM:
            said.append(f"RAM up to {self.maximum}G")
        if self.vpmem:
            said.append("vPMEM")
        if self.queries:
            said.append("one window" + (", split" if len(self.queries) > 1 else ""))
        return ", ".join(said)

    @property
    def events(self) -> str:
        """Which memory comes and goes, in words."""
        if not self.added:
            return ""
        return f"{self.added // MIB}M " + ("come and go" if self.removed else "come")


RAM = 2 * GIB
"""Of every partition at boot."""
LMB = 256 * MIB
"""Memory comes and goes in these. QEMU: SPAPR_MEMORY_BLOCK_SIZE."""

XHCI, OHCI, E1000E = "nec-usb-xhci", "pci-ohci", "e1000e,netdev=net"
VIRTIO = "virtio-net-pci,netdev=net,iommu_platform=on,disable-legacy=on"
NVME = "nvme,serial=1,drive=disk"
ON_BRIDGE_0, ON_BRIDGE_1 = ",bus=pci.0", ",bus=phb1.0"

ONE_WINDOW = (Overwrite(windows=0),)
"""As on an SR-IOV function: the default window goes first."""
PAGES_4K, PAGES_64K = 4 * KIB, 4 * KIB | 64 * KIB

DECISION = "not the reference's decision"
"""What a finding breaks that shows in what the kernel decides: as the model of its release, which has the defect."""
DEFAULT_GIVEN_UP = (("F16", "calls-well-formed"), ("F25", DECISION))
"""QEMU puts the window that is created then at bus address 0."""

SCENARIOS = (
    Scenario("6.1-xhci", "6.1", (XHCI,), added=GIB),
    Scenario("6.1-nvme-vpmem", "6.1", (NVME,), vpmem=GIB),
    Scenario("6.1-remove", "6.1", (E1000E,), added=GIB, removed=True),
    Scenario("6.12-virtio", "6.12", (VIRTIO,), added=GIB, removed=True),
    Scenario("6.12-ohci", "6.12", (OHCI,), direct=0),
    Scenario("6.12-64k-e1000e", "6.12-64k", (E1000E,), added=GIB),
    Scenario("6.12-4k-pages", "6.12-64k", (NVME,), pages=PAGES_4K, added=LMB),
    Scenario("6.12-64k-pages", "6.12-64k", (XHCI,), pages=PAGES_64K, added=GIB, removed=True),
    Scenario(
        "6.12-16g-pages", "6.12", (XHCI,), pages=16 * GIB, direct=0, known=(("F8 and F9", DECISION),)
    ),
    Scenario("6.12-vpmem", "6.12-64k", (XHCI,), vpmem=GIB),
    Scenario("6.12-one-window", "6.12-64k", (XHCI,), queries=ONE_WINDOW, added=GIB, known=DEFAULT_GIVEN_UP),
    Scenario(
        "6.12-split", "6.12-64k", (XHCI,), queries=(*ONE_WINDOW, Overwrite(block=1 << 11)), vpmem=GIB,
        known=DEFAULT_GIVEN_UP,
    ),
    Scenario("6.12-terabyte", "6.12", (NVME,), maximum=1024, added=LMB),
    Scenario("7.2-no-ddw", "7.2", (NVME,), ddw=False, direct=0),
    Scenario("7.2-64k-vpmem", "7.2-64k", (NVME,), vpmem=GIB, added=GIB, known=(("F17", DECISION),)),
    Scenario("7.3-two-bridges", "7.3", (XHCI + ON_BRIDGE_0, NVME + ON_BRIDGE_1), added=GIB, direct=2),
    Scenario(
        "7.3-64k-one-window", "7.3-64k", (E1000E,), queries=ONE_WINDOW,
        known=(("F16", "calls-well-formed"), ("F16", "UBSAN: shift-out-of-bounds"), ("F25", DECISION)),
    ),
)  # fmt: skip
