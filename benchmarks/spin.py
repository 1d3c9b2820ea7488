# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside Spin, on a model of the same in Promela: states a second, time to known mistakes, and how both grow.

Spin's model is a page of bits and says nothing of calls, platforms, masks or failures in their middle; it is compiled to C.
Without Spin nothing is measured, and the table says so.
"""

import re
import shutil
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from benchmarks.timing import Figure, seconds
from ddwcheck.explore import Explorer, small
from ddwcheck.hunted import hunt
from model.defects import catalogue
from model.profiles import PROFILES

MODEL = Path(__file__).parent / "peers" / "ddw.pml"
FEW, MANY = 8, 12
"""RAM blocks, of which each doubles what Spin has to go through."""
DEPTH = 2
"""Events in a row that are explored, each with a failure at each of its points."""
HUNTS, PATIENCE = 3, 30.0
MISTAKES = {"LEAK": "unmap-by-offset-alone", "DOWN": "premap-rounds-down", "SHARED": "offline-clears-shared-page"}
"""A mistake of the Promela model, and the defect that it is here."""


class Searched(NamedTuple):
    """What a search by Spin took; compiled: seconds before it. bytes: for states alone."""

    states: int
    bytes: int
    seconds: float
    compiled: float
    errors: int


def searched(*macros: str) -> Searched:
    """Go through all states of the model, or to the first mistake; CalledProcessError if Spin or the compiler fails."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        began = perf_counter()
        defined = [f"-D{macro}" for macro in macros]
        for command in (["spin", *defined, "-a", str(MODEL)], ["gcc", "-O2", "-DSAFETY", "-w", "-o", "pan", "pan.c"]):
            subprocess.run(command, cwd=folder, capture_output=True, check=True)
        compiled, began = perf_counter() - began, perf_counter()
        said = subprocess.run(["./pan", "-m2000000"], cwd=folder, capture_output=True, text=True, check=True).stdout
        took = perf_counter() - began
    states, each, errors = (
        int(re.search(pattern, said)[1])  # type: ignore[index]
        for pattern in (r"(\d+) states, stored", r"State-vector (\d+) byte", r"errors: (\d+)")
    )
    return Searched(states, states * each, took, compiled, errors)


def explored() -> tuple[int, float]:
    """States, and the seconds that it took to find them."""
    explorer = Explorer(small(PROFILES["powervm-sriov"]))
    took = seconds(lambda: explorer.explore(DEPTH))
    return sum(level.states for level in explorer.levels), took


def beside_spin(_: int) -> list[Figure]:
    """The figures; a search is long enough to be measured once, a hunt is a matter of chance and has a median."""
    if shutil.which("spin") is None:
        return [Figure("beside Spin: not measured, it is not installed", "-", "-", float("nan"))]
    few, many = searched(f"BLOCKS={FEW}"), searched(f"BLOCKS={MANY}")
    states, took = explored()
    figures = [
        Figure(f"Spin's states: {MANY} / {FEW} blocks", f"{many.states:,}", f"{few.states:,}", many.states / few.states),
        Figure(f"Spin's memory for states: {MANY} / {FEW} blocks", f"{many.bytes >> 10:,} KiB", f"{few.bytes >> 10:,} KiB",
               many.bytes / few.bytes),
        Figure("time of a state: ddwcheck explore / Spin", f"{took / states * 1e6:,.0f} us",
               f"{many.seconds / many.states * 1e6:,.1f} us", took / states * many.states / many.seconds),
    ]  # fmt: skip
    for macro, name in MISTAKES.items():
        spin = searched(macro)
        assert spin.errors, f"Spin finds {macro}"
        hunts = [hunt(catalogue()[name], number, PATIENCE) for number in range(HUNTS)]
        ours = median(PATIENCE if found is None else found.seconds for found in hunts)
        theirs = spin.compiled + spin.seconds
        figures.append(Figure(f"time to {name}: machines / Spin", f"{ours:.2f} s", f"{theirs:.2f} s", ours / theirs))
    return figures
