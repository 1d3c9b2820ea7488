# SPDX-License-Identifier: GPL-2.0-or-later
"""Some parts of a tar of one top folder, unpacked once into a cache.

The 1.5 GB in a kernel's tar.xz cost 15 s of CPU with Python's tarfile, and as much with GNU tar and xz, which share it
between two processes: 15 s and 13 s on two idle cores, 30 s and 20 s on two busy ones. Once per tar that is not worth two
more programs, whose messages would have to be understood and which must be told the top folder's name.

Only plain files are made, each below the new folder: no link, so none can lead elsewhere (a kernel has five there, in
dt-bindings and configs). tarfile's own data filter would do as well, but the Python 3.11.2 of Debian 12 lacks it.
"""

import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Self

import rich.progress
from rich.console import Console


class Damaged(ValueError):
    """No tar, or one that cannot be read to its end; the message is one line."""


def unpacked(tar: Path, parts: Sequence[str], cache: Path, check: Callable[[Path], object]) -> Path:
    """The folder below `cache` with these parts of `tar`; it is made if this tar, size and time were not seen before.

    `check` may refuse what was unpacked by raising; the folder then does not appear.
    """
    status = tar.stat()
    what = sha256(ascii((tar, status.st_size, status.st_mtime_ns, parts)).encode()).hexdigest()
    folder = cache / f"{tar.name.partition('.tar')[0]}-{what[:12]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpacking-", dir=cache) as private:
        fresh = Path(private, "tree")
        fresh.mkdir()
        _unpack(tar, parts, fresh)
        check(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    return folder


def _unpack(path: Path, parts: Sequence[str], folder: Path) -> None:
    """Unpack parts of a tar; on a terminal a bar shows how far it is."""
    console = Console(stderr=True)
    try:
        with (
            rich.progress.open(
                path, "rb", description="unpacking", transient=True, console=console, disable=not console.is_terminal
            ) as raw,
            tarfile.open(fileobj=raw, mode="r:*", tarinfo=_Member) as tar,
        ):
            _extract(tar, parts, folder)
            while tar.fileobj is not None and tar.fileobj.read(1 << 20):
                pass  # up to the last checksum of what it is compressed with
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault; gzip and bz2 give no number
        reasons = str(error).splitlines()
        raise Damaged("no tar, or a damaged one" if len(reasons) > 1 else f"a damaged tar: {error}") from None


def _extract(tar: tarfile.TarFile, parts: Sequence[str], folder: Path) -> None:
    """Write each plain file that lies in one of the parts of the tar's first folder."""
    top = ""
    for member in tar:
        first, *rest = PurePosixPath(member.name).parts or ("",)
        top = top or first
        name = "/".join(rest)
        wanted = any(name == part or name.startswith(f"{part}/") for part in parts)
        plain = member.isreg() and not member.issparse()
        if first != top or not wanted or not plain or ".." in rest:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(member)
        assert content is not None, "plain files have content"
        with content, target.open("wb") as file:
            shutil.copyfileobj(content, file)


class _Member(tarfile.TarInfo):
    """A header that is damaged or missing is an error; tarfile takes it for the end of the tar."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the end, as it should be
            raise tarfile.ReadError(str(error)) from None
