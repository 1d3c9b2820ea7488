# SPDX-License-Identifier: GPL-2.0-or-later
"""The root file system of a booted kernel: busybox, modules, and an init that does what the console says."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from conformance.boot.packages import Kernel

READY = "ddwcheck: ready"
DONE = "ddwcheck: done"
"""What init says when it waits for the first line, and after each line."""

INIT = f"""\
#!/busybox sh
/busybox mkdir -p /proc /sys /dev
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sysfs /sys
/busybox mount -t devtmpfs dev /dev
exec </dev/hvc0 >/dev/hvc0 2>&1
/busybox stty -echo -opost
echo '{READY}'
while read -r line; do
  eval "$line"
  echo "{DONE} $?"
done
"""

FILE, FOLDER, DEVICE = 0o100755, 0o040755, 0o020600
CONSOLE = (5, 1)
"""Device numbers of /dev/console."""


class Entry(NamedTuple):
    """One entry of the archive. device: major and minor number, 0 for others."""

    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def initramfs(kernel: Kernel) -> bytes:
    """The archive for a kernel; the same kernel gives the same bytes."""
    return archive(_entries(kernel))


def _entries(kernel: Kernel) -> Iterator[Entry]:
    yield Entry("dev", FOLDER)
    yield Entry("dev/console", DEVICE, device=CONSOLE)
    yield Entry("init", FILE, INIT.encode())
    yield _file("busybox", kernel.busybox)
    for module in kernel.modules:
        yield _file(module.name, module)


def _file(name: str, path: Path) -> Entry:
    return Entry(name, FILE, path.read_bytes())


def archive(entries: Iterable[Entry]) -> bytes:
    """A cpio archive in the form that Linux reads: newc, Documentation/driver-api/early-userspace/buffer-format.rst."""
    parts = [_packed(number, entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*parts, _packed(0, Entry("TRAILER!!!", 0))])


def _packed(number: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    major, minor = entry.device
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, major, minor, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
