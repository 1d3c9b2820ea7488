# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel of Debian booted in QEMU, with memory added while it runs: what QEMU traced is judged."""

import shutil
from pathlib import Path

import pytest

from conformance.boot.initramfs import READY, initramfs
from conformance.boot.machine import QEMU, Hang, Machine, NoQemu
from conformance.boot.packages import fetch
from ddwcheck import Verdict, record
from ddwcheck.log_devices import group
from ddwcheck.log_lines import read
from ddwcheck.record_kernel import said
from ddwcheck.sources import cache_folder
from model.types import GIB

APPEND = (
    'console=hvc0 loglevel=7 memhp_default_state=online_movable dyndbg="file arch/powerpc/platforms/pseries/iommu.c +p"'
)
needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed")


@needs_qemu
@pytest.mark.parametrize(("flavour", "device"), [("6.1", "nec-usb-xhci"), ("6.12-64k", "e1000e")])
def test_a_booted_kernel_reaches_all_ram_and_nothing_else(flavour: str, device: str, tmp_path: Path) -> None:
    kernel, packed, seen = fetch(flavour, cache_folder(None)), tmp_path / "initramfs", list[str]()
    packed.write_bytes(initramfs(kernel))
    arguments = ["-kernel", str(kernel.image), "-initrd", str(packed), "-append", APPEND, "-device", device]
    with Machine([*arguments, "-m", "2G,slots=8,maxmem=16G"], seen.append) as machine:
        machine.wait(READY, 60)
        for module in kernel.modules:
            machine.run(f"/busybox insmod /{module.name}", 20)
        machine.run("/busybox cat /proc/iomem", 10)
        machine.monitor("object-add", **{"qom-type": "memory-backend-ram", "id": "more", "size": GIB})
        machine.monitor("device_add", driver="pc-dimm", id="dimm", memdev="more")
        machine.run("/busybox sleep 3; /busybox cat /proc/iomem", 30)
    judge = record.Judge(flavour, said(group(read(enumerate(seen, 1), flavour))))
    judge.read(enumerate(seen, 1))
    assert machine.ended
    assert judge.judged == 2, judge.calls
    assert record.verdict(judge) is Verdict.HOLDS, judge.broken


@needs_qemu
def test_a_guest_that_never_speaks_is_a_hang_and_qemu_is_ended() -> None:
    with pytest.raises(Hang, match="no 'never'"), Machine(["-S"], lambda line: None) as machine:
        machine.wait("never", 0.5)
    assert machine.ended


@needs_qemu
def test_a_qemu_that_does_not_start_says_why() -> None:
    with pytest.raises(Hang, match="no-such-device"):
        Machine(["-device", "no-such-device"], lambda line: None)


def test_a_machine_without_qemu_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoQemu, match="apt-get install qemu-system-ppc"):
        Machine([], lambda line: None)
