# SPDX-License-Identifier: GPL-2.0-or-later
"""What was judged of logs, as checks: each try of each device, and each invariant that a trace of QEMU shows."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from conformance.kernel.places import Place
from ddwcheck import Verdict, record
from ddwcheck.log_devices import Device
from ddwcheck.log_judge import Reading
from ddwcheck.log_rules import Broken
from ddwcheck.outcome import Check, Finding
from ddwcheck.tracepoints import Tracepoints
from model.invariants import INVARIANTS

FITS = "The lines are what some kernel's rules come to, for some size of RAM."
WELL_FORMED = "calls-well-formed"
ABOUT_RAM = ("ram-covered", "direct-maps-only-ram")
LOOSE = "Each line that names no device keeps to the status values of LoPAR."


class Judged(NamedTuple):
    """One check and what it found."""

    check: Check
    findings: tuple[Finding, ...] = ()


def of_try(path: str, device: Device, number: int, reading: Reading) -> Judged:
    """One try of a device to get a window. path: as it is shown."""
    name = f"{path}: {device.driver} {device.pci}, try {number}"
    unclear = "; ".join(reading.notes) or "left open" if reading.verdict is Verdict.INCONCLUSIVE else ""
    check = Check(name, FITS, len(reading.attempt.lines), unclear=unclear)
    return Judged(check, tuple(_findings(path, name, reading.broken)))


def of_loose(path: str, broken: Iterable[Broken]) -> Judged:
    """Lines that name no device."""
    name = f"{path}: lines without a device"
    return Judged(Check(name, LOOSE, 1), tuple(_findings(path, name, broken)))


def _findings(path: str, check: str, broken: Iterable[Broken]) -> Iterator[Finding]:
    for one in broken:
        yield Finding(
            check, f"{check}: {one.message}", one.message, "a line that the rules come to", "this line",
            place=Place("", path, one.line),
        )  # fmt: skip


def of_tracepoints(path: str, tracepoints: Tracepoints) -> Judged:
    """What the kernel's own tracepoints say of its calls."""
    name = f"{path}: {WELL_FORMED}"
    found = tuple(
        Finding(name, f"{WELL_FORMED}: {remark.message}", remark.message, INVARIANTS[WELL_FORMED].sentence,
                f"line {remark.line}", place=Place("", path, remark.line))
        for remark in tracepoints.remarks if remark.is_broken
    )  # fmt: skip
    unclear = next((remark.message for remark in tracepoints.remarks if not remark.is_broken), "")
    unclear = unclear or ("calls have not ended where the file does" if tracepoints.unfinished else "")
    return Judged(Check(name, INVARIANTS[WELL_FORMED].sentence, tracepoints.calls.total(), unclear=unclear), found)


def of_trace(path: str, judge: record.Judge) -> Iterator[Judged]:
    """The invariants that a trace of QEMU shows. Lines that leave something open leave all of them open."""
    unclear = judge.open[0].message if judge.open else ""
    no_ram = "" if judge.judged else "no direct window stands beside a map of RAM"
    for id in record.CHECKED:
        name = f"{path}: {id}"
        found = tuple(
            Finding(name, f"{id}: {one.message}", one.message, INVARIANTS[id].sentence, f"line {one.line}",
                    place=Place("", path, one.line))
            for one in judge.broken if one.invariant == id
        )  # fmt: skip
        why = unclear or (no_ram if id in ABOUT_RAM else "")
        yield Judged(Check(name, INVARIANTS[id].sentence, judge.calls.total(), unclear=why), found)
