# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden reports of what is no trace of events: calls to QEMU, lines of logs, theorems. `python -m tests.other_reports`."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from conformance.qemu.calls import CallAnswer, Made
from conformance.qemu.differ import Access, Difference
from conformance.qemu.expected import SamePlace, expected, profile_of
from conformance.qemu.machine import RAM
from conformance.qemu.shown import EXAMPLES, Calls, Shown, say
from conformance.qemu.tree import pe_of_bridge
from ddwcheck import listed, log, log_report, prove_report, qemu_report
from ddwcheck.need import Need
from ddwcheck.qemu_report import Case
from model.calls import HcallAnswer, HcallStatus, PutTce, StuffTce
from model.hypervisor.papr import Papr
from model.interfaces import DdwProperties, DefaultWindow
from model.types import GIB, BusAddress, Liobn, PhysAddr, Span, Tce
from proofs import judged
from proofs.judged import Question
from proofs.obligation import everything
from tests.reports import ROOT
from tests.test_log import CREATE, QUERY, SUMMARY
from tests.test_record import CREATE as QEMU_CREATE
from tests.test_record import CREATED, LIST, REMOVE, line
from tests.test_record import QUERY as QEMU_QUERY

FOLDER = ROOT / "tests" / "vectors" / "other-reports"
ONE = DdwProperties(
    pe_of_bridge(1), DefaultWindow(Liobn(0x80000100), Span(BusAddress(0), BusAddress(GIB))), (2026, 2027, 2028), (1, 0x2029),
    None,
)  # fmt: skip
"""What QEMU says of its bridge; the two platforms below stand for it and for what is expected of it."""


def _qemu(case: Callable[[Shown], Case], calls: Sequence[Made], without: tuple[type[Papr], ...] = ()) -> str:
    """A report on calls to a QEMU of which nothing is installed: the model with all known deviations answers for it."""
    profile = profile_of(ONE, 1 << 31, 0x7)
    platform = partial(expected, profile, [ONE], Span(PhysAddr(0), PhysAddr(RAM)))
    papr, lacking = platform(), platform(without)
    wished, known = ([say(one, call) for call in calls] for one in (lacking, papr))
    observed: tuple[CallAnswer, ...] = tuple(answer for answer in known if answer is not None)
    done = Shown(tuple(calls), tuple(wished), tuple(known), observed, "", papr, lambda: platform(without))
    return _text(lambda folder: qemu_report.write(folder, done, case(done)))


def _text(write: Callable[[Path], object]) -> str:
    """The report that is written, without the path of its folder and the lines that tell versions."""
    with TemporaryDirectory() as where, mock.patch.object(qemu_report, "version", lambda: "7.2.22"):
        folder = Path(where) / "finding"
        write(folder)
        text = (folder / "report.txt").read_text().replace(str(folder), "FOLDER")
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith("ddwcheck 0."))


def known_deviation() -> str:
    """Q2."""
    row = next(row for row in listed.read(ROOT / "FINDINGS.md") if row.id == "Q2")
    calls = EXAMPLES["Q2"].calls(
        Calls(expected(profile_of(ONE, 1 << 31, 0x7), [ONE], Span(PhysAddr(0), PhysAddr(RAM))))
    )
    return _qemu(lambda done: qemu_report.of_row(row, done), calls, (SamePlace,))


def unknown_call() -> str:
    """An answer that nothing explains, with what it takes."""
    calls = (StuffTce(Liobn(0x80000100), BusAddress(0), Tce(3), 4),)
    need = Need(("call 1",), (), ("count +0x1 in call 1",), ("count -0x1 in call 1",), untried=2)
    found = Difference(calls, str(HcallAnswer(HcallStatus.SUCCESS, done=1)), str(HcallAnswer(HcallStatus.PARAMETER)))
    return _qemu(lambda _: qemu_report.of_difference(found, Path("FOLDER"), 7, need), calls)


def read_back() -> str:
    """A TCE that is not what it should be."""
    calls = (StuffTce(Liobn(0x80000100), BusAddress(0), Tce(1), 1),)
    found = Difference(calls, "window 0x80000100 TCE 0x0: 0x0", "0x1")
    return _qemu(lambda _: qemu_report.of_difference(found, Path("FOLDER"), 7, Need(("call 1",))), calls)


def access() -> str:
    """Memory that a device meets."""
    calls = (PutTce(Liobn(0x80000100), BusAddress(0x1000), Tce(0x5001)),)
    reads = (Access(BusAddress(0x1000), 60),)
    found = Difference(calls, "read at 0x1000: 00112233", "00000000", reads)
    return _qemu(lambda _: qemu_report.of_difference(found, Path("FOLDER"), 7, Need(("call 1",))), calls)


def _log(*text: str) -> str:
    numbered = list(enumerate(text, 1))
    judge = partial(log.findings_in, "a.log")
    (found, *_) = judge(numbered)
    return _text(lambda folder: log_report.write(folder, "a.log", numbered, found, judge))


def trace_of_qemu() -> str:
    """A window that goes while it maps RAM."""
    return _log(QEMU_QUERY, QEMU_CREATE, line(LIST), REMOVE.format(CREATED).strip())


def window_with_holes() -> str:
    """RAM that is missing in a window, all lines of which are kept."""
    return _log(QEMU_QUERY, QEMU_CREATE, line(LIST), "b0000000-cfffffff : System RAM", "the end")


def line_of_a_kernel() -> str:
    """A decision that no kernel makes."""
    return _log(*(f"[    1.000000] {text}" for text in (QUERY, CREATE, SUMMARY.replace("required: 0", "required: 1"))))


def theorem() -> str:
    """A theorem that 6.12 loses."""
    obligation = everything()["test_routing.py::no_handle_behind_the_direct_part_is_direct"]
    row = judged.judge(obligation, Question("6.12"))
    return _text(lambda folder: prove_report.write(folder, row, "6.12"))


KINDS: dict[str, Callable[[], str]] = {
    "qemu-known": known_deviation, "qemu-call": unknown_call, "qemu-tables": read_back, "qemu-dma": access,
    "log-trace": trace_of_qemu, "log-missing": window_with_holes, "log-kernel": line_of_a_kernel, "theorem": theorem,
}  # fmt: skip
"""By the name of the file."""

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, kind in KINDS.items():
        (FOLDER / f"{name}.txt").write_text(kind())
