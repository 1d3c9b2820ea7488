# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel sources that Debian ships, fetched once into a cache: linux-source-6.12 and the like."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress

from conformance.kernel.apt import Apt, NoSource, run
from conformance.kernel.tree import BadTree, read_tree

VERSIONS = ("6.1", "6.12", "7.2", "7.3")
"""What is supported and tested."""


def fetch(version: str, cache: Path) -> Path:
    """The folder with the parts of Debian's kernel source that `read_tree` wants; it is fetched unless it is there.

    version: as in 6.12. To fetch a newer patch level, remove the folder. NoSource if it cannot be had.
    """
    if not re.fullmatch("[0-9]{1,3}[.][0-9]{1,3}", version):
        raise NoSource(f"{version!r} is no kernel version; write it like {VERSIONS[-1]}")
    folder = cache.resolve() / f"linux-source-{version}"
    try:
        if not folder.is_dir():
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            with alone(cache):
                if not folder.is_dir():
                    _fetch(folder)
    except OSError as error:
        raise NoSource(f"{error.filename or cache}: {error.strerror or error}") from None
    return folder


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Wait until no other process fetches into this cache."""
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(folder: Path) -> None:
    """Download and unpack the package that is named as the folder; the folder appears when it is whole."""
    cache, package = folder.parent, folder.name
    with TemporaryDirectory(prefix=".fetching-", dir=cache) as private:
        part = Path(private)
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(package, total=100)
            deb = Apt(cache / "apt").download(package, part, lambda percent: progress.update(task, completed=percent))
        if run(["dpkg-deb", "-x", str(deb), str(part / "deb")], part).status != 0:
            raise NoSource(f"{package}: dpkg-deb cannot unpack {deb.name}")
        tar = part / "deb" / "usr" / "src" / f"{package}.tar.xz"
        try:
            read_tree(tar, part).root.rename(folder)
        except BadTree as error:
            raise NoSource(f"{deb.name} is not as expected: {error}") from None
