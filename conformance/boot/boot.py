# SPDX-License-Identifier: GPL-2.0-or-later
"""One scenario carried out: QEMU is started, the drivers are loaded, memory comes and goes; the record says it all."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.boot.initramfs import READY, initramfs
from conformance.boot.machine import Hang, Machine
from conformance.boot.packages import Kernel
from conformance.boot.scenarios import LMB, RAM, Scenario
from conformance.boot.stub import Stub
from model.types import GIB, KIB

APPEND = 'console=hvc0 loglevel=8 memhp_default_state=online_movable dyndbg="file {} +p"'.format(
    "arch/powerpc/platforms/pseries/iommu.c"
)
BEHIND = (
    *("-netdev", "hubport,id=net,hubid=0"),
    *("-blockdev", "null-co,node-name=disk,size=16777216,read-zeroes=on"),
)
"""What is behind the network adapter and the disk."""
LABEL = 128 * KIB
"""Of an nvdimm."""

BOOTED, SHORT, LONG = 240.0, 60.0, 120.0
"""Seconds that things may take."""

USE = (
    "/busybox ip link set eth0 up",
    "/busybox dd if=/dev/nvme0n1 of=/dev/null bs=64k count=32",
)
"""Lines that make devices do DMA; one that is not there is not used."""
MAP = "/busybox cat /proc/iomem"
EVENTS = "/sys/kernel/tracing/events/powerpc"
TRACING = "ddwcheck: tracing"
"""What the guest says when its own tracepoints are on."""
TRACE = (
    "/busybox mount -t tracefs tracefs /sys/kernel/tracing",
    f"for e in entry exit; do echo 'opcode==28||opcode==32||opcode==312||opcode==316' >{EVENTS}/hcall_$e/filter; done",
    f"for e in hcall_entry hcall_exit rtas_input rtas_output; do [ ! -d {EVENTS}/$e ] || echo 1 >{EVENTS}/$e/enable; done",
    f"echo '{TRACING}'",
)
"""Lines that turn on the tracepoints of TCE hypercalls and RTAS calls; 6.1 has none of the latter."""
SHOW_TRACE = "echo 0 >/sys/kernel/tracing/tracing_on; /busybox cat /sys/kernel/tracing/trace"
UNTIL_ONLINE = (
    "n=0; until [ $(/busybox grep -lx online /sys/devices/system/memory/memory*/state | /busybox wc -l) = {blocks} ]; do "
    "n=$((n + 1)); [ $n -lt 100 ] || break; /busybox sleep 0.2; done"
)


def boot(scenario: Scenario, kernel: Kernel, told: Callable[[str], None]) -> None:
    """Carry it out. told: is given each line of the record. Hang, NotInstalled; QEMU has ended in any case."""
    with TemporaryDirectory(prefix="ddwcheck-boot-") as folder:
        packed = Path(folder) / "initramfs"
        packed.write_bytes(initramfs(kernel))
        started = ["-kernel", str(kernel.image), "-initrd", str(packed), *arguments(scenario)]
        kind = "pseries" + (",nvdimm=on" if scenario.vpmem else "")
        with Machine(started, told, kind, Stub.CHANNELS if scenario.queries else ()) as machine:
            stub = Stub(machine.process.channels["gdb"]) if scenario.queries else None
            machine.wait(READY, BOOTED)
            if stub is not None:
                printed = machine.output(r"/busybox grep -E ' (query_ddw|rtas_call)$' /proc/kallsyms", SHORT)
                machine.attend(stub.channel, stub.serve)
                stub.watch(symbol(printed, "query_ddw"), symbol(printed, "rtas_call"), scenario.queries)
            for line in TRACE:
                machine.run(line, SHORT)
            for module in kernel.modules:
                machine.run(f"/busybox insmod /{module.name}", LONG)
            if stub is not None and stub.left:
                raise Hang(f"the drivers made {len(stub.left)} queries less than are to be overwritten")
            for line in USE:
                machine.run(line, SHORT)
            machine.run(MAP, SHORT)
            if scenario.added:
                _add(machine, scenario)
            machine.run(SHOW_TRACE, LONG)


def arguments(scenario: Scenario) -> Iterator[str]:
    """QEMU's command line, but for the kernel."""
    yield from ("-append", APPEND, *BEHIND)
    yield from ("-m", f"{RAM // GIB}G,slots=8,maxmem={scenario.maximum}G")
    if scenario.pages is not None:
        yield from ("-global", f"spapr-pci-host-bridge.pgsz={scenario.pages:#x}")
    if not scenario.ddw:
        yield from ("-global", "spapr-pci-host-bridge.ddw=off")
    if any("phb1" in device for device in scenario.devices):
        yield from ("-device", "spapr-pci-host-bridge,index=1,id=phb1")
    for device in scenario.devices:
        yield from ("-device", device)
    if scenario.vpmem:
        yield from ("-object", f"memory-backend-ram,id=vpmem,size={scenario.vpmem + LABEL}")
        identity = "uuid=75a3cdd7-6a2f-4791-8d15-fe0a920e8e9e"
        yield from ("-device", f"nvdimm,id=nvdimm,memdev=vpmem,label-size={LABEL},{identity}")
    if scenario.queries:
        yield from Stub.ARGUMENTS


def symbol(lines: Sequence[str], name: str) -> int:
    """The address of a kernel's function, of lines of /proc/kallsyms."""
    found = [line.split() for line in lines if line.split()[2:3] == [name]]
    if not found:
        raise Hang(f"the kernel does not tell where {name} is")
    return int(found[0][0], 16)


def _add(machine: Machine, scenario: Scenario) -> None:
    """A DIMM comes, and perhaps goes."""
    machine.monitor("object-add", **{"qom-type": "memory-backend-ram", "id": "more", "size": scenario.added})
    machine.monitor("device_add", driver="pc-dimm", id="dimm", memdev="more")
    blocks = (RAM + scenario.added) // LMB
    if machine.run(UNTIL_ONLINE.format(blocks=blocks), LONG) != 0:
        raise Hang(f"the kernel does not bring {blocks} blocks of memory online")
    machine.run(MAP, SHORT)
    if scenario.removed:
        machine.monitor("device_del", id="dimm")
        machine.wait_until_gone("dimm", LONG)
        machine.run(MAP, SHORT)
