# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernels that Debian ships for ppc64el, with the few modules that are needed, fetched once into a cache."""

import lzma
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zlib import crc32

from rich.console import Console
from rich.progress import Progress

from conformance.kernel.apt import Apt, NoSource, Told, run
from conformance.kernel.sources import alone

ARCHITECTURE = "ppc64el"
SUITES = ("bookworm", "bookworm-updates", "bookworm-backports", "unstable", "experimental")
"""Where kernels are looked for: 6.12 for Debian 12 is a backport."""

FLAVOURS = ("6.1", "6.12", "6.12-64k", "7.2", "7.2-64k", "7.3", "7.3-64k")
"""Versions, with the size of the kernel's page where Debian builds more than one; 6.1 has 64 KB."""

DRIVERS = ("xhci_pci", "ohci_pci", "e1000e", "nvme", "virtio_pci", "virtio_net")
"""Modules of QEMU's devices: all get a window but ohci_pci, whose device forms 32 bits. What they need comes along."""

_NAME = re.compile(r"linux-(?:image|binary)-(\S+)")
_NUMBER = re.compile("[0-9]+")


class Kernel(NamedTuple):
    """A kernel that can be booted. modules: .ko files, each behind those that it needs."""

    flavour: str
    image: Path
    modules: tuple[Path, ...]
    busybox: Path


def fetch(flavour: str, cache: Path) -> Kernel:
    """The kernel of a flavour; it is fetched unless it is there. NoSource if it cannot be had."""
    if flavour not in FLAVOURS:
        raise NoSource(f"{flavour!r} is no kernel that can be booted; there are {', '.join(FLAVOURS)}")
    kept = crc32(" ".join(DRIVERS).encode())  # what is kept of a package
    folder = cache.resolve() / f"linux-image-{flavour}-{ARCHITECTURE}-{kept:08x}"
    try:
        if not folder.is_dir():
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            with alone(cache):
                if not folder.is_dir():
                    _fetch(flavour, folder)
    except OSError as error:
        raise NoSource(f"{error.filename or cache}: {error.strerror or error}") from None
    order = (folder / "modules").read_text().split()
    return Kernel(flavour, folder / "vmlinux", tuple(folder / name for name in order), folder / "busybox")


def _fetch(flavour: str, folder: Path) -> None:
    """Download the packages, keep what is needed; the folder appears when it is whole."""
    cache = folder.parent
    apt = Apt(cache / f"apt-{ARCHITECTURE}", ARCHITECTURE, SUITES)
    console = Console(stderr=True)
    with TemporaryDirectory(prefix=".fetching-", dir=cache) as private:
        part = Path(private)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"kernel {flavour}", total=100)
            _download(apt, flavour, part, lambda percent: progress.update(task, completed=percent))
        fresh = part / "kept"
        fresh.mkdir()
        _keep(part / "deb", fresh)
        fresh.rename(folder)


def _download(apt: Apt, flavour: str, part: Path, told: Told) -> None:
    """Download and unpack below part/deb: the image, its modules if they are apart, busybox."""
    apt.update(told)
    image = newest(apt.names(name_of(flavour)))
    if image is None:
        raise NoSource(f"no kernel {flavour} for {ARCHITECTURE} is to be had from {', '.join(SUITES)}")
    packages = [image, "busybox-static"]
    if image.startswith("linux-binary-"):
        packages.insert(1, image.replace("binary", "modules", 1))
    for number, package in enumerate(packages):
        fresh = part / str(number)
        fresh.mkdir()
        deb = apt.download(package, fresh, told)
        if run(["dpkg-deb", "-x", str(deb), str(part / "deb")], part).status != 0:
            raise NoSource(f"{package}: dpkg-deb cannot unpack {deb.name}")
        deb.unlink()


def name_of(flavour: str) -> str:
    """The names of a flavour's packages, as a regular expression; from 7.2 on image and modules are apart."""
    version, _, page = flavour.partition("-")
    kind = "binary" if int(version.partition(".")[0]) >= 7 else "image"
    return rf"^linux-{kind}-{re.escape(version)}[.+-].*powerpc64le{'-' + page if page else ''}$"


def newest(names: Iterable[str]) -> str | None:
    """The name with the highest version; None of none."""
    found = [name for name in names if _NAME.fullmatch(name)]
    return max(found, key=lambda name: [int(number) for number in _NUMBER.findall(name)], default=None)


def _keep(deb: Path, folder: Path) -> None:
    """Keep the kernel, busybox and the modules of DRIVERS, unpacked."""
    images = [*deb.glob("boot/vmlinux-*"), *deb.glob("usr/lib/modules/*/vmlinuz")]
    busybox = [*deb.glob("usr/bin/busybox"), *deb.glob("bin/busybox")]
    if len(images) != 1 or not busybox:
        raise NoSource("Debian's packages are not as expected: no kernel or no busybox in them")
    shutil.move(images[0], folder / "vmlinux")
    shutil.move(busybox[0], folder / "busybox")
    files = {module_name(path): path for path in deb.glob("**/kernel/**/*.ko*")}
    order: list[str] = []
    for driver in DRIVERS:
        _keep_module(driver, files, folder, order)
    (folder / "modules").write_text("\n".join(f"{name}.ko" for name in order))


def module_name(path: Path) -> str:
    """A module's name: - and _ are the same there."""
    return path.name.partition(".ko")[0].replace("-", "_")


def _keep_module(name: str, files: dict[str, Path], folder: Path, order: list[str]) -> None:
    """Keep a module behind those that it needs; one that is not there is part of the kernel itself."""
    if name in order or name not in files:
        return
    path = files[name]
    content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    for needed in needs(content):
        _keep_module(needed, files, folder, order)
    (folder / f"{name}.ko").write_bytes(content)
    order.append(name)


def needs(module: bytes) -> list[str]:
    """The modules that a module says it depends on, in its .modinfo section."""
    match = re.search(rb"\0depends=([^\0]*)\0", module)
    return [name.replace("-", "_") for name in match[1].decode().split(",") if name] if match else []
