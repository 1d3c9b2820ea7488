# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's tracepoints of its calls, as trace_pipe and `trace-cmd report` print them.

powerpc:rtas_input and rtas_output have whole calls, so that the decisions that they belong to can be replayed as those of a
kernel log. powerpc:hcall_entry and hcall_exit have an opcode and a status: what can be seen is that a call was refused.
Formats: arch/powerpc/include/asm/trace.h. Events nest on each CPU by itself.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ddwcheck import BadInput, Verdict
from ddwcheck.log_lines import Create, Fact, Line, Query, Remove, Reset
from ddwcheck.log_rules import ENDS_CREATE
from model.calls import HcallStatus, RtasStatus

MARK = re.compile(r"\b(?:hcall_(?:entry|exit)|rtas_(?:input|output)): ")
"""What a line of these tracepoints has in it."""
MOST_SHOWN = 10
"""Remarks of each kind that are kept; the rest is counted."""

TCE_CALLS = {0x1C: "H_GET_TCE", 0x20: "H_PUT_TCE", 0x138: "H_STUFF_TCE", 0x13C: "H_PUT_TCE_INDIRECT"}
"""LoPAR table 181; other hypercalls are passed over."""
TCE_STATUSES = {int(status) for status in HcallStatus}

QUERY, CREATE, REMOVE, RESET = (f"ibm,{what}-pe-dma-window" for what in ("query", "create", "remove", "reset"))
ARITIES = {QUERY: ((3, 4), (3, 5)), CREATE: ((5, 3),), REMOVE: ((1, 0),), RESET: ((3, 0), (4, 0))}
"""Arguments and outputs behind the status. LoPAR tables 129 to 133; the reset for limited addressing has one more."""

NOT_SHOWN = "operands of hypercalls: what a TCE maps, and whether a window is empty when it goes"

_EVENT = re.compile(
    r"\s*(?P<task>\S.{0,15}?)-[0-9]+\s+(?:\(\s*[-0-9]+\)\s+)?\[(?P<cpu>[0-9]{3,5})\]\s+(?:\S{4,6}\s+)?"
    r"[0-9]+\.[0-9]{6,9}:\s+(?P<kind>hcall_entry|hcall_exit|rtas_input|rtas_output):\s+(?P<text>.*)"
)
_LOST = re.compile(r"\s*CPU:(?P<cpu>[0-9]+) \[LOST (?P<count>[0-9]+) EVENTS\]")
_ARRAY = r"\{(?P<array>(?:0x[0-9a-f]{1,8}(?:,0x[0-9a-f]{1,8})*)?)\}"
_FORMS = {
    "hcall_entry": re.compile("opcode=(?P<opcode>[0-9]{1,20})"),
    "hcall_exit": re.compile("opcode=(?P<opcode>[0-9]{1,20}) retval=(?P<status>-?[0-9]{1,20})"),
    "rtas_input": re.compile(rf"(?P<name>\S+) arguments: {_ARRAY}"),
    "rtas_output": re.compile(rf"(?P<name>\S+) status: (?P<status>-?[0-9]{{1,10}}), other outputs: {_ARRAY}"),
}


class Remark(NamedTuple):
    """What a line says; is_broken: it breaks a rule, else it leaves something undecided."""

    line: int
    is_broken: bool
    message: str


@dataclass(slots=True)
class Cpu:
    """What a CPU is in the middle of: opcodes and names, with what they were given. whole: nothing is missing before."""

    under_way: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    whole: bool = False


@dataclass(slots=True)
class Tracepoints:
    """The calls of one file. lines: those about DDW, as a kernel log's. calls: how many of each kind."""

    where: str
    lines: list[Line] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    remarks: list[Remark] = field(default_factory=list)
    hidden: int = 0
    cpus: dict[int, Cpu] = field(default_factory=dict)

    def take(self, number: int, text: str) -> bool:
        """One line of the file; whether it is about a tracepoint. BadInput for one that cannot be read or cannot follow."""
        if "EVENTS]" in text and (lost := _LOST.match(text)):
            self.cpus[int(lost["cpu"])] = Cpu()
            self._remark(number, False, f"{lost['count']} events of CPU {lost['cpu']} are lost")
            return True
        if not MARK.search(text):
            return False
        self._event(number, text)
        return True

    def _event(self, number: int, text: str) -> None:
        event = _EVENT.fullmatch(text.rstrip())
        form = _FORMS[event["kind"]].fullmatch(event["text"].strip()) if event else None
        if event is None or form is None:
            raise BadInput(f"{self.where}:{number}: cannot read this line of a powerpc tracepoint")
        cpu = self.cpus.setdefault(int(event["cpu"]), Cpu())
        kind, name = event["kind"], form.groupdict().get("name") or form["opcode"]
        if kind in ("hcall_entry", "rtas_input"):
            cpu.whole = True
            cpu.under_way.append((name, _cells(form.groupdict().get("array"))))
            return
        if not cpu.under_way and not cpu.whole:
            return  # it began before the file
        if not cpu.under_way or cpu.under_way[-1][0] != name:
            raise BadInput(f"{self.where}:{number}: the end of {name} on CPU {event['cpu']}, where it has not begun")
        _, given = cpu.under_way.pop()
        if kind == "hcall_exit":
            self._hypercall(number, int(name), int(form["status"]))
        else:
            self._rtas(number, event["task"], name, given, int(form["status"]), _cells(form["array"]))

    def _hypercall(self, number: int, opcode: int, status: int) -> None:
        call = TCE_CALLS.get(opcode)
        if call is None:
            return
        self.calls[call] += 1
        if status not in TCE_STATUSES:
            self._remark(number, True, f"calls-well-formed: status {status} is none of {call} (LoPAR table 184)")
        elif status != HcallStatus.SUCCESS:
            self._remark(number, False, f"{call} ends with {status} ({HcallStatus(status).name}); why is not shown")

    def _rtas(
        self, number: int, task: str, name: str, given: Sequence[int], status: int, outputs: Sequence[int]
    ) -> None:
        call = name.removesuffix("s")
        if call not in ARITIES:
            return
        self.calls[call] += 1
        if (len(given), len(outputs)) not in ARITIES[call]:
            text = f"{call} with {len(given)} arguments and {len(outputs) + 1} outputs"
            self._remark(number, True, f"calls-well-formed: {text} (LoPAR 7.3.27)")
            return
        if call == CREATE and status in set(RtasStatus) and RtasStatus(status) not in ENDS_CREATE:
            return  # busy: the kernel asks again
        self.lines.append(Line(number, task, *_fact(call, given, status, outputs)))

    def _remark(self, number: int, is_broken: bool, message: str) -> None:
        if sum(remark.is_broken is is_broken for remark in self.remarks) < MOST_SHOWN:
            self.remarks.append(Remark(number, is_broken, message))
        else:
            self.hidden += 1

    @property
    def unfinished(self) -> int:
        """Calls that had not ended where the file does."""
        return sum(len(cpu.under_way) for cpu in self.cpus.values())

    @property
    def verdict(self) -> Verdict:
        """A refused call is open: what was wrong with it is not shown."""
        if any(remark.is_broken for remark in self.remarks):
            return Verdict.VIOLATED
        return Verdict.INCONCLUSIVE if self.remarks or self.unfinished else Verdict.HOLDS

    def report(self) -> Iterator[str]:
        """What was read, what is broken, what is open."""
        yield f"  tracepoints: {', '.join(f'{count} {call}' for call, count in sorted(self.calls.items()))}"
        for line, is_broken, message in self.remarks:
            yield f"  line {line}: {'BROKEN RULE' if is_broken else 'open'}: {message}"
        if self.hidden:
            yield f"  and {self.hidden} more such lines"
        if self.unfinished:
            yield f"  open: {self.unfinished} calls have not ended where the file does"
        yield f"  not shown by tracepoints: {NOT_SHOWN}"
        yield f"  {self.verdict.name}"


def _cells(text: str | None) -> tuple[int, ...]:
    return tuple(int(cell, 16) for cell in text.split(",")) if text else ()


def _fact(call: str, given: Sequence[int], status: int, outputs: Sequence[int]) -> tuple[str | None, Fact]:
    """A call as a line of a kernel log would tell it: the device's PCI name, whose domain is not known, and the fact."""
    if call == REMOVE:
        return None, Remove(None, status, given[0])
    config_addr, buid = given[0], given[1] << 32 | given[2]
    pci = f"0000:{config_addr >> 16 & 0xFF:02x}:{config_addr >> 11 & 0x1F:02x}.{config_addr >> 8 & 7}"
    if call == RESET:
        return pci, Reset(config_addr, buid, status, len(given) == 4)
    if call == CREATE:
        liobn, high, low = outputs
        return pci, Create(config_addr, buid, given[3], given[4], status, liobn, high << 32 | low)
    if status != RtasStatus.SUCCESS:
        return pci, Query(config_addr, buid, status, None, None, None)
    windows, *block, pages, _ = outputs
    return pci, Query(
        config_addr, buid, status, block[0] << 32 | block[1] if len(block) == 2 else block[0], pages, windows
    )
