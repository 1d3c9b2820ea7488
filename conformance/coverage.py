# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines and branches of a tree's DDW code have run, by gcov."""

import gzip
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.kernel.build import FROM_TREE, PSERIES, Variant
from conformance.kernel.kernels import Kernels
from conformance.kernel.tree import Tree

SUBJECT = re.compile(
    r"enable_ddw|tce_(set|clear)range_multi_pSeriesLP|iommu_mem_notifier|remove_\w*(dma|ddw)\w*|spapr_tce_\w+"
    r"|iommu_range_alloc|ppc_iommu_map_sg|arch_dma_\w+"
)
"""The functions that the suite is about."""


@dataclass(slots=True)
class Covered:
    """What has run of one function. lines: each line's count; branches: whether each way out of a line was taken."""

    file: str
    first_line: int
    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, int], bool] = field(default_factory=dict)

    @property
    def missed_lines(self) -> list[int]:
        """Lines that never ran."""
        return sorted(line for line, count in self.lines.items() if not count)

    @property
    def missed_branches(self) -> list[int]:
        """Lines that ran and have a branch that was never taken, once for each such branch."""
        return sorted(line for (line, _), taken in self.branches.items() if not taken and self.lines.get(line))

    @property
    def line_share(self) -> float:
        """How many of its lines have run, from 0 to 1."""
        return 1 - len(self.missed_lines) / max(1, len(self.lines))

    @property
    def branch_share(self) -> float:
        """How many of its branches were taken, from 0 to 1; 1 if it has none."""
        return sum(self.branches.values()) / len(self.branches) if self.branches else 1.0


@contextmanager
def counted(tree: Tree, folder: Path) -> Iterator[Kernels]:
    """The programs of a tree, built for coverage; `covered` reads their counts. BuildFailed as from build()."""
    with (
        tempfile.TemporaryDirectory() as counts,
        Kernels(tree, folder, Variant(coverage=True), Path(counts)) as kernels,
    ):
        yield kernels


def covered(kernels: Kernels) -> dict[str, Covered]:
    """What has run of each function of the tree's files so far, over all scenarios that have ended; by function."""
    found: dict[str, Covered] = {}
    for page, path in kernels.paths().items():
        kernels.program(page).stop()
        counts = kernels.counts_of(page)
        for notes in path.parent.glob("*.gcno"):
            if (counts / notes.name).with_suffix(".gcda").exists():
                shutil.copy(notes, counts)
        for file in _read(counts):
            _add(file, kernels.tree.root, found)
    return found


def _read(counts: Path) -> Iterator[Any]:
    """What gcov says of each source file."""
    data = sorted(file.name for file in counts.glob("*.gcda"))
    if not data:
        return
    subprocess.run(
        ["gcov", "--json-format", "--branch-probabilities", *data], cwd=counts, check=True, capture_output=True
    )
    for told in counts.glob("*.gcov.json.gz"):
        yield from json.loads(gzip.decompress(told.read_bytes()))["files"]
        told.unlink()


def _add(told: Any, root: Path, found: dict[str, Covered]) -> None:
    names = {str(root / name): name for name in (PSERIES, *FROM_TREE)}
    file = names.get(str(Path(told["file"]).resolve())) or names.get(told["file"])
    if file is None:
        return
    for function in told["functions"]:
        found.setdefault(function["name"], Covered(file, function["start_line"]))
    for line in told["lines"]:
        name, number = line.get("function_name"), line["line_number"]
        if name not in found:
            continue
        function = found[name]
        function.lines[number] = function.lines.get(number, 0) + line["count"]
        for way, branch in enumerate(line["branches"]):
            taken = function.branches.get((number, way), False)
            function.branches[number, way] = taken or branch["count"] > 0


LEAST_LINES, LEAST_BRANCHES = 0.95, 0.9
"""The share of lines and of branches of a subject function that a run has to reach."""

GAPS = (
    (r"spapr_tce_\w+|remove_dynamic_dma_windows|remove_dma_window_named", "a node and its property are always there"),
    (r"ppc_iommu_map_sg", "elements have bytes and a direction, and no table here needs a flush"),
    (r"arch_dma_(alloc|free)_direct", "bypass always comes with a limit"),
    (r"enable_ddw", "firmware without a default window has no reset; adding a property to the tree does not fail here"),
)  # fmt: skip
"""Subject functions that are not reached so far, and why."""


def gap(name: str) -> str:
    """Why a function need not be reached so far; "" if it must be."""
    return next((why for pattern, why in GAPS if re.fullmatch(pattern, name)), "")


def is_enough(function: Covered) -> bool:
    """Whether so much of a function has run that the rest is no gap."""
    return function.line_share >= LEAST_LINES and function.branch_share >= LEAST_BRANCHES


def table(found: dict[str, Covered]) -> list[str]:
    """The subject functions with their shares, the lines that never ran, and those with a branch never taken."""
    rows = [f"{'function':38} {'lines':>6} {'branches':>8}  where lines never ran; where branches were never taken"]
    for name, function in sorted(found.items(), key=lambda item: (item[1].file, item[1].first_line)):
        if SUBJECT.fullmatch(name):
            missed = (_runs(function.missed_lines), _runs(sorted(set(function.missed_branches))))
            where = f"{missed[0] or '-'}; {missed[1] or '-'}" if any(missed) else ""
            where = "never called" if function.line_share == 0 else where
            rows.append(f"{name:38} {function.line_share:6.0%} {function.branch_share:8.0%}  {where}".rstrip())
    return rows


def _runs(lines: list[int]) -> str:
    """Line numbers, those that follow each other as one range."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
