# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls as the mailbox takes them, and its answers as calls are answered. Opcodes: LoPAR table 181; H_RTAS is QEMU's own."""

import struct
from collections.abc import Sequence

from conformance.qemu.mailbox import BLOCK, BLOCKS, LIST, LISTS, MOST, MOST_LISTS, Mailbox, Record
from model.calls import (
    GetTce,
    Hcall,
    HcallAnswer,
    HcallStatus,
    PutTce,
    PutTceIndirect,
    RtasAnswer,
    RtasCall,
    RtasStatus,
    StuffTce,
    TceRun,
)
from model.types import Tce

H_GET_TCE, H_PUT_TCE, H_STUFF_TCE, H_PUT_TCE_INDIRECT, H_RTAS = 0x1C, 0x20, 0x138, 0x13C, 0xF000
HEAD = 3
"""Cells of an argument block before its arguments: token, number of arguments, of outputs. LoPAR 7.2.7."""
MOST_CELLS = BLOCK // 4 - HEAD
WORD = 1 << 64
COUNTABLE = 512
"""Entries that a list page holds; of a longer list only these are written, the call names its length all the same."""

Call = RtasCall | GetTce | PutTce | StuffTce | PutTceIndirect
"""What is one hypercall: a loop is many."""
CallAnswer = RtasAnswer | HcallAnswer


class Unlawful(Exception):
    """An answer that is none of LoPAR's statuses."""


def answer_all(mailbox: Mailbox, calls: Sequence[Call]) -> list[CallAnswer]:
    """Make calls in one batch and order. At most MOST, MOST_LISTS of them with lists; Interrupted, Unlawful."""
    records = []
    lists = 0
    for number, call in enumerate(calls):
        records.append(record(mailbox, call, number, lists))
        lists += isinstance(call, PutTceIndirect)
    return answers_of(mailbox, calls, mailbox.run(records))


def record(mailbox: Mailbox, call: Call, number: int, lists: int, leave_out: int = 0) -> Record:
    """One call as record `number` of a batch that has `lists` lists before it; writes its block or list."""
    match call:
        case RtasCall(token, args, nret):
            assert len(args) + nret <= MOST_CELLS, "the call fits its block"
            block = BLOCKS + BLOCK * number
            cells = (token, len(args), nret, *args, *(0,) * max(1, nret))
            mailbox.write(block, struct.pack(f">{len(cells)}I", *cells))
            return Record(H_RTAS, block)
        case GetTce(liobn, ioba):
            return Record(H_GET_TCE, liobn, ioba, leave_out=leave_out)
        case PutTce(liobn, ioba, tce):
            return Record(H_PUT_TCE, liobn, ioba, tce, leave_out=leave_out)
        case StuffTce(liobn, ioba, tce, count):
            return Record(H_STUFF_TCE, liobn, ioba, tce, count, leave_out)
        case PutTceIndirect(liobn, ioba, tces, list_addr):
            at = list_addr or LISTS + LIST * lists
            if not list_addr:
                written = tces[:COUNTABLE]
                mailbox.write(at, struct.pack(f">{len(written)}Q", *written))
            return Record(H_PUT_TCE_INDIRECT, liobn, ioba, at, call.count, leave_out)


def answers_of(mailbox: Mailbox, calls: Sequence[Call], said: Sequence[tuple[int, int]]) -> list[CallAnswer]:
    """The first answers of a batch."""
    return [
        _rtas_answer(mailbox, call, number) if isinstance(call, RtasCall) else _hcall_answer(call, *words)
        for number, (call, words) in enumerate(zip(calls, said, strict=False))
    ]


def _rtas_answer(mailbox: Mailbox, call: RtasCall, number: int) -> RtasAnswer:
    """The outputs in a block; the status is read even where the call has no output for it."""
    at = BLOCKS + BLOCK * number + 4 * (HEAD + len(call.args))
    status, *outputs = struct.unpack(f">i{max(0, call.nret - 1)}I", mailbox.read(at, 4 * max(1, call.nret)))
    try:
        return RtasAnswer(RtasStatus(status), tuple(outputs))
    except ValueError:
        raise Unlawful(f"RTAS status {status} to {call}") from None


DONE = HcallAnswer(HcallStatus.SUCCESS, done=1)
STATUSES = {status % WORD: HcallAnswer(status) for status in HcallStatus}


def _hcall_answer(call: Hcall, first: int, second: int) -> HcallAnswer:
    if isinstance(call, GetTce):
        if first in (HcallStatus.SUCCESS, HcallStatus.PARTIAL):
            return HcallAnswer(HcallStatus(first), Tce(second))
    elif first == HcallStatus.SUCCESS:
        return DONE
    answer = STATUSES.get(first)
    if answer is None:
        raise Unlawful(f"hypercall status {first:#x} to {call}")
    return answer


def loop(mailbox: Mailbox, run: TceRun) -> HcallAnswer:
    """Make the calls of a loop until one fails, in as many batches as it takes."""
    most = MOST_LISTS if run.kind is PutTceIndirect else MOST
    for start in range(0, len(run), most):
        numbers = range(start, min(len(run), start + most))
        records = [
            record(mailbox, run.call(number), number - start, number - start, numbers.stop - number - 1)
            for number in numbers
        ]
        for number, (first, second) in zip(numbers, mailbox.run(records), strict=True):
            answer = _hcall_answer(run.call(number), first, second)
            if answer.status is not HcallStatus.SUCCESS:
                return HcallAnswer(answer.status, done=number)
    return HcallAnswer(HcallStatus.SUCCESS, done=len(run))
