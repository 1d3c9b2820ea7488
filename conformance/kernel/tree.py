# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel source that a user names: a folder or a tar, its release, and whether it holds the files needed."""

import re
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from conformance.kernel.unpack import Damaged, unpacked

OLDEST = (5, 15)
"""The first release that may work."""

PARTS = ("arch/powerpc", "include", "lib", "drivers/of", "kernel/dma", "Makefile")
"""What is used of a tree; no more of a tar is unpacked."""

_ASM, _LINUX = "arch/powerpc/include/asm", "include/linux"
REQUIRED = (
    "arch/powerpc/platforms/pseries/iommu.c",
    "arch/powerpc/platforms/pseries/pseries.h",
    "arch/powerpc/kernel/iommu.c",
    "arch/powerpc/kernel/dma-iommu.c",
    "lib/iommu-helper.c",
    "lib/find_bit.c",
    "lib/bitmap.c",
    *(f"{_ASM}/{name}.h" for name in ("iommu", "tce", "device", "pci-bridge", "ppc-pci", "firmware")),
    *(f"{_ASM}/{name}.h" for name in ("plpar_wrappers", "hvcall", "asm-const")),
    *(f"{_LINUX}/{name}.h" for name in ("sizes", "log2", "hash", "iommu-helper")),
)
"""What is compiled, or included by its path."""

_ASSIGNMENT = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*([\w.+~-]*)", re.M | re.A)


class BadTree(ValueError):
    """What the user named is no kernel source that can be used; the message is one line."""


class Tree(NamedTuple):
    """A kernel source with all files needed. root: absolute. release: as the Makefile says, 7.3.0-rc7; version: (7, 3)."""

    root: Path
    release: str
    version: tuple[int, int]


def read_tree(path: Path, cache: Path) -> Tree:
    """The tree at `path`, which is a folder, or a tar that is unpacked below `cache` unless it is there already.

    BadTree if there is none, or it is damaged, too old or not whole.
    """
    try:
        status = path.stat()
        if S_ISDIR(status.st_mode):
            return _checked(path.resolve(), path)
        if S_ISREG(status.st_mode):
            root = unpacked(path.resolve(), PARTS, cache.resolve(), lambda fresh: _checked(fresh, path))
            return _checked(root, root)
    except Damaged as error:
        raise BadTree(f"{path}: {error}") from None
    except OSError as error:
        raise BadTree(f"{error.filename or path}: {error.strerror or error}") from None
    raise BadTree(f"{path}: neither a folder nor a tar")


def _checked(root: Path, named: Path) -> Tree:
    """The tree in a folder, which the user knows as `named`."""
    makefile = root / "Makefile"
    if not makefile.is_file():
        raise BadTree(f"{named}: no kernel tree, there is no Makefile in it")
    release, version = _release(makefile.read_text(errors="replace"), named)
    if version < OLDEST:
        raise BadTree(f"{named}: Linux {release} is older than {OLDEST[0]}.{OLDEST[1]}")
    missing = [name for name in REQUIRED if not (root / name).is_file()]
    if missing:
        others = f" (and {len(missing) - 1} more of the files needed)" if missing[1:] else ""
        raise BadTree(f"{named}: Linux {release} without {missing[0]}{others}")
    return Tree(root, release, version)


def _release(makefile: str, named: Path) -> tuple[str, tuple[int, int]]:
    """The release and version that a Makefile's first lines assign."""
    said = dict(reversed(_ASSIGNMENT.findall(makefile)))
    for field in ("VERSION", "PATCHLEVEL", "SUBLEVEL"):
        if not re.fullmatch("[0-9]{1,5}", said.get(field, "")):
            raise BadTree(f"{named}: no kernel tree, its Makefile has no {field}")
    release = f"{said['VERSION']}.{said['PATCHLEVEL']}.{said['SUBLEVEL']}{said.get('EXTRAVERSION', '')}"
    return release, (int(said["VERSION"]), int(said["PATCHLEVEL"]))
