# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck doctor`: what is installed of all that parts of the suite need, and what each missing piece would enable."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.kernel.sources import VERSIONS
from conformance.kernel.tree import BadTree, read_tree
from ddwcheck import BadInput, Verdict, wrapped
from ddwcheck.live import spinner
from ddwcheck.sources import cache_folder

PATIENCE = 20
"""Seconds that a program may take to say its version, and a compiler for a line."""
NUMBER = re.compile(r"\d+\.\d+[\w.~+-]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that may be installed. look: its version, None if it is not there; serves: names of TASKS; get: how to."""

    name: str
    look: Callable[[], str | None]
    serves: tuple[str, ...]
    get: str


TASKS = {
    "kernel": "ddwcheck kernel, replay --tree: the kernel's own C",
    "sanitize": "ddwcheck kernel --sanitize: ASan and UBSan on it",
    "sources": "ddwcheck sources, make conformance: the kernels that are tested",
    "qemu": "ddwcheck qemu: a real hypervisor",
    "boot": "ddwcheck boot: Debian's kernels booted in QEMU",
    "prove": "make prove: the theorems",
    "second": "make prove-second: another solver's word, and a proof that is checked",
    "bench": "make bench: the figures beside Spin",
    "page": "the browser tests of index.html",
    "since": "ddwcheck kernel --since REV: what a commit changes",
}
"""What a user may want, and for what."""


def program(name: str, *arguments: str) -> Callable[[], str | None]:
    """Looks for a program, and asks it for its version: the first number with a dot that it prints."""

    def look() -> str | None:
        if shutil.which(name) is None:
            return None
        try:
            done = subprocess.run([name, *(arguments or ("--version",))], capture_output=True, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = NUMBER.search(done.stdout + done.stderr)
        words = done.stdout.split()
        return found[0] if found else words[0] if words else "version not said"

    return look


def package(name: str) -> Callable[[], str | None]:
    """Looks for a Python package."""

    def look() -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    return look


def compiles(*flags: str) -> Callable[[], str | None]:
    """Whether gcc compiles, links and runs a line with some flags."""

    def look() -> str | None:
        if shutil.which("gcc") is None:
            return None
        with TemporaryDirectory(prefix="ddwcheck-doctor-") as folder:
            source, binary = Path(folder) / "one.c", Path(folder) / "one"
            source.write_text("#include <stdio.h>\nint main(void) { return 0; }\n")
            for command in (["gcc", *flags, "-o", str(binary), str(source)], [str(binary)]):
                try:
                    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
                except (OSError, subprocess.TimeoutExpired):
                    return None
                if done.returncode:
                    return None
        return "compiles and runs"

    return look


def source(release: str) -> Callable[[], str | None]:
    """Whether the source of a release is in the cache; nothing is fetched."""

    def look() -> str | None:
        cache = cache_folder(None)
        try:
            return read_tree(cache / f"linux-source-{release}", cache).release
        except BadTree:
            return None

    return look


PIECES = (
    Piece("gcc", program("gcc", "-dumpfullversion"), ("kernel", "sanitize"), "apt-get install gcc"),
    Piece("libc headers", compiles(), ("kernel", "sanitize"), "apt-get install libc6-dev"),
    Piece("addr2line", program("addr2line"), ("kernel",), "apt-get install binutils"),
    Piece("objcopy", program("objcopy"), ("kernel",), "apt-get install binutils"),
    Piece("ASan", compiles("-fsanitize=address"), ("sanitize",), "apt-get install gcc"),
    Piece("UBSan", compiles("-fsanitize=undefined"), ("sanitize",), "apt-get install gcc"),
    Piece("git", program("git"), ("since",), "apt-get install git"),
    Piece("dpkg-deb", program("dpkg-deb"), ("sources", "boot"), "apt-get install dpkg"),
    *(Piece(f"linux-source-{r}", source(r), ("sources",), f"ddwcheck sources {r}") for r in VERSIONS),
    Piece("qemu-system-ppc64", program("qemu-system-ppc64"), ("qemu", "boot"), "apt-get install qemu-system-ppc"),
    Piece("powerpc64le as", program("powerpc64le-linux-gnu-as"), ("qemu",), "apt-get install binutils-powerpc64le-linux-gnu"),
    Piece("powerpc64le objcopy", program("powerpc64le-linux-gnu-objcopy"), ("qemu",),
          "apt-get install binutils-powerpc64le-linux-gnu"),
    Piece("setpriv", program("setpriv"), ("qemu", "boot"), "apt-get install util-linux"),
    Piece("z3", package("z3-solver"), ("prove",), "pip install z3-solver"),
    Piece("bitwuzla", package("bitwuzla"), ("second",), "pip install bitwuzla"),
    Piece("cadical", program("cadical"), ("second",), "apt-get install cadical"),
    Piece("spin", program("spin", "-V"), ("bench",), "apt-get install spin"),
    Piece("dratify", package("dratify"), ("second",), "pip install dratify"),
    Piece("chromium", program("chromium"), ("page",), "apt-get install chromium"),
)  # fmt: skip
"""In the order of the tasks."""


def examine(wanted: Sequence[str]) -> tuple[list[str], Verdict]:
    """Every piece, or those that the wanted tasks need; INCONCLUSIVE if one of these is missing.

    Without a task it only tells, and is green. BadInput for a task that is none.
    """
    for task in wanted:
        if task not in TASKS:
            raise BadInput(f"{task!r} is none of {', '.join(TASKS)}")
    pieces = [piece for piece in PIECES if not wanted or set(piece.serves) & set(wanted)]
    with spinner() as progress:
        progress.add_task("looking")
        found = {piece.name: piece.look() for piece in pieces}
    missing = [piece for piece in pieces if found[piece.name] is None]
    width = max(len(piece.name) for piece in pieces)
    lines = [f"{piece.name:{width}}  {found[piece.name] or 'missing'}" for piece in pieces]
    lines += ["", *_advice(missing, wanted)]
    verdict = Verdict.INCONCLUSIVE if wanted and missing else Verdict.HOLDS
    return [part for line in lines for part in wrapped(line)], verdict


def _advice(missing: Sequence[Piece], wanted: Sequence[str]) -> Iterator[str]:
    """What can be done, what cannot, and how to get what it takes."""
    for task in wanted or TASKS:
        lacks = [piece for piece in missing if task in piece.serves]
        if not lacks:
            yield f"ready   {task}: {TASKS[task]}"
            continue
        yield f"lacks   {task}: {TASKS[task]}"
        for get in dict.fromkeys(piece.get for piece in lacks):
            yield f"          {', '.join(piece.name for piece in lacks if piece.get == get)}: {get}"
