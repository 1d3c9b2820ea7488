# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own tracepoints: whole calls are judged, damaged and truncated ones are named, CPUs are kept apart."""

import tracemalloc
from pathlib import Path

import pytest

from ddwcheck import BadInput, Verdict
from ddwcheck.log import parse
from ddwcheck.log_lines import Create, Query, Remove, Reset
from ddwcheck.main import main
from ddwcheck.tracepoints import Tracepoints

PIPE = "          insmod-123     [{cpu:03}] d....    12.{micro:06}: {event}"
REPORT = "  insmod-123   [{cpu:03}]    12.{micro:06}: {event}"
"""As trace_pipe and as `trace-cmd report` write an event."""
PE = "0x0,0x8000000,0x20000000"
QUERY = [
    f"rtas_input: ibm,query-pe-dma-window arguments: {{{PE}}}",
    "rtas_output: ibm,query-pe-dma-window status: 0, other outputs: {0x1,0x20,0x0,0x107,0x0}",
]
CREATE = [
    f"rtas_input: ibm,create-pe-dma-window arguments: {{{PE},0x18,0x22}}",
    "rtas_output: ibm,create-pe-dma-window status: 0, other outputs: {0x80000001,0x8000000,0x0}",
]
REMOVE = [
    "rtas_input: ibm,remove-pe-dma-window arguments: {0x80000001}",
    "rtas_output: ibm,remove-pe-dma-window status: 0, other outputs: {}",
]
RESET = [
    f"rtas_input: ibm,reset-pe-dma-window arguments: {{{PE},0x1}}",
    "rtas_output: ibm,reset-pe-dma-window status: -3, other outputs: {}",
]
PUT = ["hcall_entry: opcode=32", "hcall_exit: opcode=32 retval=0"]
CONFIG = [
    "rtas_input: ibm,read-pci-config arguments: {0x4,0x8000000,0x20000000,0x2}",
    "rtas_output: ibm,read-pci-config status: 0, other outputs: {0x102}",
]


def written(*events: str | tuple[int, str], form: str = PIPE) -> list[str]:
    """Lines of these events, on CPU 0 unless they say which."""
    pairs = [event if isinstance(event, tuple) else (0, event) for event in events]
    return [form.format(cpu=cpu, micro=number, event=event) for number, (cpu, event) in enumerate(pairs)]


def taken(lines: list[str]) -> Tracepoints:
    found = Tracepoints("trace")
    for number, line in enumerate(lines, 1):
        found.take(number, line)
    return found


@pytest.mark.parametrize("form", [PIPE, REPORT])
def test_calls_become_facts(form: str) -> None:
    found = taken(written(*QUERY, *CREATE, *PUT, *REMOVE, *RESET, *CONFIG, form=form))
    assert [line.fact for line in found.lines] == [
        Query(0, 0x800000020000000, 0, 0x2000000000, 0x107, 1),
        Create(0, 0x800000020000000, 24, 34, 0, 0x80000001, 1 << 59),
        Remove(None, 0, 0x80000001),
        Reset(0, 0x800000020000000, -3, True),
    ]
    assert found.calls["H_PUT_TCE"] == 1 and found.verdict is Verdict.HOLDS and not found.remarks
    assert {line.pci for line in found.lines} == {"0000:00:00.0", None}


def test_the_decision_behind_the_calls_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trace.txt"
    file.write_text("\n".join(["# tracer: nop", *written(*QUERY, *CREATE, *PUT)]) + "\n")
    assert main(["log", str(file)]) == 0
    assert "16M pages, window 2^34" in capsys.readouterr().out
    file.write_text(file.read_text().replace("0x18,0x22", "0xc,0x22"))
    assert main(["log", str(file)]) == 1, "4K pages where larger ones are offered"


WRONG = {
    "a query with too many arguments": [QUERY[0].replace("{", "{0x1,"), QUERY[1]],
    "a create with an output less": [CREATE[0], CREATE[1].replace(",0x0}", "}")],
    "a status that no hypercall has": [PUT[0], PUT[1].replace("=0", "=-77")],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_call_that_is_not_well_formed_is_caught(name: str) -> None:
    found = taken(written(*WRONG[name]))
    assert found.verdict is Verdict.VIOLATED and found.remarks[0].line == 2
    assert any("BROKEN RULE: calls-well-formed" in line for line in found.report())


def test_a_refused_hypercall_is_open() -> None:
    found = taken(written(PUT[0], PUT[1].replace("=0", "=-4")))
    assert found.verdict is Verdict.INCONCLUSIVE and "PARAMETER" in found.remarks[0].message


def test_a_busy_create_is_followed_by_the_one_that_counts() -> None:
    busy = CREATE[1].replace("status: 0", "status: -2")
    found = taken(written(*QUERY, CREATE[0], busy, *CREATE))
    assert [type(line.fact) for line in found.lines] == [Query, Create]
    assert found.verdict is Verdict.HOLDS


def test_calls_of_several_cpus_may_be_mixed() -> None:
    mixed = [(0, PUT[0]), (1, QUERY[0]), (2, PUT[0]), (0, PUT[1]), (1, QUERY[1]), (2, PUT[1])]
    found = taken(written(*mixed))
    assert found.calls["H_PUT_TCE"] == 2 and len(found.lines) == 1 and not found.unfinished
    with pytest.raises(BadInput, match=r"trace:4: the end of 32 on CPU 003"):
        taken(written((0, PUT[0]), (1, QUERY[0]), (3, CONFIG[0]), (3, PUT[1])))


def test_an_interrupts_call_lies_inside_another() -> None:
    assert taken(written(QUERY[0], *PUT, QUERY[1])).verdict is Verdict.HOLDS


@pytest.mark.parametrize("damaged", [
    PUT[1].replace("retval", "ret"), QUERY[1][:-1], QUERY[1].replace("0x107", "0xnone"), "hcall_exit: opcode=32 retval=",
])  # fmt: skip
def test_a_damaged_line_is_named(damaged: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trace.txt"
    file.write_text("\n".join(written(*PUT, damaged)))
    assert main(["log", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and f"{file}:3: " in said.err


def test_what_began_before_the_file_is_passed_over_and_what_does_not_end_is_open() -> None:
    found = taken(written(PUT[1], *QUERY, PUT[0]))
    assert found.calls["H_PUT_TCE"] == 0 and found.unfinished == 1
    assert found.verdict is Verdict.INCONCLUSIVE
    with pytest.raises(BadInput, match="has not begun"):
        taken(written(*QUERY, PUT[1]))


def test_lost_events_are_open() -> None:
    lines = written(PUT[0], *PUT)
    lines.insert(1, "CPU:0 [LOST 12 EVENTS]")
    found = taken(lines)
    assert found.verdict is Verdict.INCONCLUSIVE and "12 events of CPU 0 are lost" in found.remarks[0].message


def test_a_file_cut_at_any_place_is_an_answer_or_one_line(tmp_path: Path) -> None:
    file, text = tmp_path / "trace.txt", "\n".join(written(*QUERY, *CREATE, *PUT))
    for end in range(0, len(text), 7):
        file.write_text(text[:end])
        try:
            parse(str(file))
        except BadInput as bad:
            assert "\n" not in str(bad)


def test_memory_stays_flat() -> None:
    found, lines = Tracepoints("trace"), written(*PUT, *CONFIG)
    tracemalloc.start()
    for number in range(20_000):
        found.take(number, lines[number % len(lines)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20
