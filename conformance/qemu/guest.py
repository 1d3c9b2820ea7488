# SPDX-License-Identifier: GPL-2.0-or-later
"""The bare-metal program that the machine runs, assembled when first needed."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCE = Path(__file__).with_name("guest.S")
QEMU = "qemu-system-ppc64"
NEEDED = {
    QEMU: "qemu-system-ppc",
    "powerpc64le-linux-gnu-as": "binutils-powerpc64le-linux-gnu",
    "powerpc64le-linux-gnu-objcopy": "binutils-powerpc64le-linux-gnu",
    "setpriv": "util-linux",
}
"""The programs that are run, and Debian's packages of them."""


class NotInstalled(RuntimeError):
    """A program that is needed is not there; the message is one line that says what to install."""


def require_programs(*programs: str) -> None:
    """NotInstalled unless these are there, by default everything that is run."""
    missing = {program: NEEDED[program] for program in programs or NEEDED if shutil.which(program) is None}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise NotInstalled(f"{', '.join(missing)} not found; on Debian: apt-get install {packages}")


def firmware(cache: Path) -> Path:
    """The program as QEMU's `-bios` takes it, made anew only when its source has changed."""
    require_programs()
    source = SOURCE.read_bytes()
    made = cache / f"guest-{hashlib.sha256(source).hexdigest()[:16]}.bin"
    if not made.exists():
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".assembling-", dir=cache) as folder:
            elf, image = Path(folder) / "guest.o", Path(folder) / "guest.bin"
            _run("powerpc64le-linux-gnu-as", "-mbig", "-a64", "-o", elf, SOURCE)
            _run("powerpc64le-linux-gnu-objcopy", "-O", "binary", "-j", ".text", elf, image)
            image.replace(made)
    return made


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"LC_ALL": "C"})
