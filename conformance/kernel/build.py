# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling a kernel tree's DDW code for the host, unmodified, into a program that `conformance.kernel.worker` drives."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from conformance.kernel.tree import Tree

OURS = Path(__file__).parent / "c"
PSERIES = "arch/powerpc/platforms/pseries/iommu.c"
PSERIES_H = "arch/powerpc/platforms/pseries/pseries.h"
FROM_TREE = (
    "arch/powerpc/kernel/iommu.c", "arch/powerpc/kernel/dma-iommu.c", "lib/iommu-helper.c", "lib/find_bit.c", "lib/bitmap.c",
)  # fmt: skip
"""The tree's files that are compiled as they are; PSERIES is included by pseries.c, which reads its statics."""
KERNEL_SIDE = ("locks", "memory", "device_tree", "groups", "calls", "dispatch", "pseries", "partition", "ownership")
HOST_SIDE = ("host", "runs", "blocks")
STORM_SIDE = tuple(f"storm/{name}" for name in ("tables", "owned", "windows", "tces", "arena", "answers", "events", "checks",
                                                "draw", "storm"))  # fmt: skip
"""What stands around the kernel's code in place of HOST_SIDE in the program of storms, which lies beside the other."""
DECISIONS = ("decisions/entries", "decisions/answers")
"""The kernel's decisions one by one, in place of pseries.c, and what stands around them: see `build_decisions`."""
STATE = ("--rename-section", ".data=storm_data", "--rename-section", ".bss=storm_bss")
"""objcopy: the kernel's variables in sections of their own, so that a storm can put them back (c/storm/arena.c)."""

REAL = {
    "linux": {"sizes", "poison", "log2", "hash", "iommu-helper", "list", "bitmap", "find", "bitmap-str"},
    "asm": {
        "iommu", "tce", "device", "pci-bridge", "ppc-pci", "firmware", "plpar_wrappers", "hvcall", "asm-const", "dma-direct",
    },
}  # fmt: skip
"""Headers used as the tree has them; every other include is an empty file, and shim.h says what stands for it."""
WHERE = {"linux": "include/linux", "asm": "arch/powerpc/include/asm"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([\w./-]+)[>"]', re.MULTILINE)

UNDECLARED = re.compile(r"(?!.*/lib/)[^:]*\.c:.*implicit declaration of function")
"""What the compiler says of a function that nothing declares. In headers and lib/ these are functions that nobody calls."""

CONFIG = (
    "PPC64", "PPC_PSERIES", "PCI", "NUMA", "MEMORY_HOTPLUG", "IOMMU_API", "SPAPR_TCE_IOMMU", "ARCH_HAS_DMA_MAP_DIRECT",
    "CRASH_DUMP", "64BIT", "PCI_IOV",
)  # fmt: skip


class BuildFailed(RuntimeError):
    """The tree's code does not compile against the stand-ins; the message names the first thing that is missing."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How to compile: page is log2 of the kernel's page, 12 or 16; sanitized: with ASan and UBSan; coverage: with gcov."""

    page: int = 16
    sanitized: bool = False
    coverage: bool = False

    @property
    def flags(self) -> list[str]:
        """What the compiler is told for it."""
        flags = [f"-DPAGE_SHIFT={self.page}", f"-DSANITIZED={int(self.sanitized)}", f"-DCOVERAGE={int(self.coverage)}"]
        if self.sanitized:
            # The kernel counts on wrapping, so that 1 << 31 is no error there; a shift by 64 is one.
            flags += ["-fsanitize=address,undefined", "-fno-sanitize=shift-base"]
            flags += ["-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        # Each function is counted for itself, in the lines as they are written.
        return [*flags, *(["-O1", "-fno-inline", "--coverage"] if self.coverage else ["-O2"])]


def headers(root: Path) -> dict[str, Path | None]:
    """Every header that the compiled files include, directly or through a real one: its file in the tree, or None."""
    found: dict[str, Path | None] = {}
    waiting = [root / PSERIES, root / PSERIES_H, *(root / name for name in FROM_TREE), *OURS.rglob("*.[ch]")]
    while waiting:
        for name in INCLUDE.findall(waiting.pop().read_text(errors="replace")):
            folder, _, rest = name.partition("/")
            if (
                name in found or not rest
            ):  # a name without a folder is a file of the tree beside its user, or one of ours
                continue
            real = root / WHERE.get(folder, folder) / rest
            used = rest.removesuffix(".h") in REAL.get(folder, ()) and real.is_file()
            found[name] = real if used else None
            if used:
                waiting.append(real)
    return found


def inputs(root: Path) -> Iterator[Path]:
    """Every file that the program is made of, and this one, which has the compiler's flags."""
    yield Path(__file__)
    yield from sorted(OURS.rglob("*.[ch]"))
    yield from (root / name for name in (PSERIES, PSERIES_H, *FROM_TREE))
    yield from sorted(file for file in headers(root).values() if file is not None)


TRAITS = {
    "HAVE_MAP_PHYS": ("arch/powerpc/kernel/dma-iommu.c", "arch_dma_map_phys_direct"),  # 6.18: by physical address
    "HAVE_ALLOC_DIRECT": (
        "arch/powerpc/kernel/dma-iommu.c",
        "arch_dma_alloc_direct",
    ),  # 7.2: coherent buffers go the way of the others
    "HAVE_DEVICE_GROUP": (
        PSERIES,
        "pSeries_pci_device_group",
    ),  # 6.10: the core asks for the group, iommu_probe_device()
    "WINDOW_HAS_DIRECT": (
        PSERIES,
        "window->direct = direct_mapping",
    ),  # 6.2: the list entry knows, not only the property's name
}
"""What differs between releases where our own code touches the tree's: a macro, and the text that tells."""


def traits(root: Path) -> list[str]:
    """The macros that hold for a tree."""
    return [f"-D{name}" for name, (file, text) in TRAITS.items() if text in (root / file).read_text(errors="replace")]


def build(tree: Tree, variant: Variant, cache: Path) -> Path:
    """The program for a tree; made anew only when a file that it is made of has changed. BuildFailed if it cannot be."""
    return _build(tree, variant, cache, "ddw", _compile)


def build_decisions(tree: Tree, variant: Variant, cache: Path) -> Path:
    """The program that makes one decision of a tree's code, for proofs/binary; else as `build`."""
    return _build(tree, variant, cache, "decisions", _compile_decisions)


def _build(
    tree: Tree, variant: Variant, cache: Path, name: str, compile_it: Callable[[Path, Variant, Path], None]
) -> Path:
    digest = hashlib.sha256(f"{variant!r}{name.removeprefix('ddw')}".encode())
    for file in inputs(tree.root):
        digest.update(file.read_bytes())
    folder = cache / f"{tree.release}-{digest.hexdigest()[:16]}"
    program = folder / name
    if program.exists():
        return program
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=cache))
    try:
        compile_it(tree.root, variant, work)
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
        work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return program


def _flags(root: Path, variant: Variant, work: Path) -> tuple[list[str], list[str]]:
    """What the compiler is told for the kernel's side, and for ours; makes the headers that the former wants."""
    includes = work / "include"
    for name, real in headers(root).items():
        forward = includes / name
        forward.parent.mkdir(parents=True, exist_ok=True)
        forward.write_text(f'#include "{real}"\n' if real else "")
    common = [
        "-std=gnu11",
        "-gdwarf-4",
        "-fno-pie",
        f"-fmacro-prefix-map={root}/=",
        f"-fmacro-prefix-map={OURS}/=",
        "-fno-strict-aliasing",
        "-fno-strict-overflow",
        "-fno-delete-null-pointer-checks",
        *variant.flags,
        f"-I{OURS}",
    ]
    kernel = [
        *common, "-nostdinc", "-fno-builtin-printf", "-ffunction-sections", "-D__KERNEL__", f"-I{includes}",
        *(f"-DCONFIG_{option}=1" for option in CONFIG), f'-DPSERIES_IOMMU_C="{root / PSERIES}"',
        *traits(root), "-include", str(OURS / "shim.h"),
    ]  # fmt: skip
    return kernel, [*common, "-Wall", "-Werror"]


def _compile_decisions(root: Path, variant: Variant, work: Path) -> None:
    kernel, ours = _flags(root, variant, work)
    entries, answers = DECISIONS
    kernel_side = [name for name in KERNEL_SIDE if name != "pseries"] + [entries]
    sources = [(kernel, root / name) for name in FROM_TREE]
    sources += [(kernel, OURS / f"{name}.c") for name in kernel_side]
    sources += [(ours, OURS / f"{answers}.c")]
    objects = [_object(work, flags, source) for flags, source in sources]
    _run(["gcc", *variant.flags, "-no-pie", "-Wl,--gc-sections", *objects, "-o", str(work / "decisions")])


def _compile(root: Path, variant: Variant, work: Path) -> None:
    kernel, ours = _flags(root, variant, work)
    sources = [(kernel, root / name) for name in FROM_TREE]
    sources += [(kernel, OURS / f"{name}.c") for name in KERNEL_SIDE]
    objects = [_object(work, flags, source) for flags, source in sources]
    for made in objects:
        _run(["objcopy", *STATE, made])
    for program, side in (("ddw", HOST_SIDE), ("storm", STORM_SIDE)):
        around = [_object(work, ours, OURS / f"{name}.c") for name in side]
        _run(["gcc", *variant.flags, "-no-pie", "-Wl,--gc-sections", *objects, *around, "-o", str(work / program)])


def _object(work: Path, flags: list[str], source: Path) -> str:
    """Compile one file; two may have the same name."""
    path = str(work / f"{len(list(work.glob('*.o')))}-{source.stem}.o")
    _run(["gcc", *flags, "-c", str(source), "-o", path])
    return path


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is not installed") from None
    undeclared = [line for line in done.stderr.splitlines() if UNDECLARED.match(line)]
    if done.returncode or undeclared:
        raise BuildFailed(_first_problem("\n".join(undeclared) or done.stderr))


MISSING = re.compile(
    "undefined reference|implicit declaration|undeclared|unknown type|No such file|no member named|incomplete type"
)
"""What the compiler says when a name of the kernel is not known here; anything else is a mistake in the tree."""


def _first_problem(errors: str) -> str:
    """The line of the output that says what is wrong, and where a stand-in for what is missing goes."""
    for line in errors.splitlines():
        if UNDECLARED.match(line) or " error: " in line or "undefined reference" in line:
            hint = "; a stand-in for it belongs in conformance/kernel/c, where shim.h says which header it stands for"
            return line.strip() + (hint if MISSING.search(line) else "")
    return errors.strip().splitlines()[-1] if errors.strip() else "the compiler failed without a word"


@cache
def compiler() -> str:
    """What the programs are compiled with, as in "gcc 12.2.0"."""
    try:
        done = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=False)
    except OSError:
        return "no gcc"
    return f"gcc {done.stdout.strip() or 'of unknown version'}"
