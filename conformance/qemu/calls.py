# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls as the mailbox takes them, and its answers as calls are answered. Opcodes: LoPAR table 181; H_RTAS is QEMU's own."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

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
from model.types import BusAddress, Tce

H_GET_TCE, H_PUT_TCE, H_STUFF_TCE, H_PUT_TCE_INDIRECT, H_RTAS = 0x1C, 0x20, 0x138, 0x13C, 0xF000
HEAD = 3
"""Cells of an argument block before its arguments: token, number of arguments, of outputs. LoPAR 7.2.7."""
MOST_CELLS = BLOCK // 4 - HEAD
WORD = 1 << 64
COUNTABLE = 512
"""Entries that a list page holds; of a longer list only these are written, the call names its length all the same."""

Call = RtasCall | GetTce | PutTce | StuffTce | PutTceIndirect
"""What is one hypercall: a loop is many."""
Made = Call | TceRun
"""What is drawn and made as one."""
CallAnswer = RtasAnswer | HcallAnswer


class Unlawful(Exception):
    """An answer that is none of LoPAR's statuses."""


def answer_all(mailbox: Mailbox, calls: Sequence[Made]) -> list[CallAnswer]:
    """Make calls in one batch and order. At most MOST, MOST_LISTS of them with lists; Interrupted, Unlawful."""
    return answers_of(mailbox, calls, mailbox.run(records_of(mailbox, calls)))


def size_of(call: Made) -> int:
    """Hypercalls that it is."""
    return len(call) if isinstance(call, TceRun) else 1


def lists_of(call: Made) -> int:
    """Lists that it needs in a batch."""
    return len(call) if isinstance(call, TceRun) and call.kind is PutTceIndirect else isinstance(call, PutTceIndirect)


def batches(calls: Sequence[Made]) -> Iterator[list[Made]]:
    """Calls in parts, each of which the mailbox takes as one batch."""
    batch, size, lists = list[Made](), 0, 0
    for call in calls:
        size, lists = size + size_of(call), lists + lists_of(call)
        if size > MOST or lists > MOST_LISTS:
            yield batch
            batch, size, lists = [], size_of(call), lists_of(call)
        batch.append(call)
    if batch:
        yield batch


def records_of(mailbox: Mailbox, calls: Sequence[Made]) -> list[Record]:
    """A batch as records; its blocks and lists are written. What is left of a loop is left out when it fails."""
    records: list[Record] = []
    lists = 0
    for call in calls:
        parts = call.calls() if isinstance(call, TceRun) else (call,)
        for left, part in zip(range(size_of(call) - 1, -1, -1), parts, strict=True):
            records.append(record(mailbox, part, len(records), lists, left))
            lists += isinstance(part, PutTceIndirect)
    return records


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


def answers_of(mailbox: Mailbox, calls: Sequence[Made], said: Sequence[tuple[int, int]]) -> list[CallAnswer]:
    """The answers to the first calls of a batch, as far as it came."""
    answers: list[CallAnswer] = []
    at = 0
    for call in calls:
        words = said[at : at + size_of(call)]
        if len(words) < size_of(call):
            break
        if isinstance(call, TceRun):
            answers.append(_loop_answer(call, words))
        elif isinstance(call, RtasCall):
            answers.append(_rtas_answer(mailbox, call, at))
        else:
            answers.append(_hcall_answer(call, *words[0]))
        at += len(words)
    return answers


def _loop_answer(run: TceRun, said: Sequence[tuple[int, int]]) -> HcallAnswer:
    """How many calls of a loop succeeded, and how the one behind them ended."""
    done = next((number for number, (status, _) in enumerate(said) if status != HcallStatus.SUCCESS), len(run))
    if done == len(run):
        return HcallAnswer(HcallStatus.SUCCESS, done=done)
    return HcallAnswer(_hcall_answer(run.call(done), *said[done]).status, done=done)


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
    most = (MOST_LISTS if run.kind is PutTceIndirect else MOST) * run.per_call
    for start in range(0, run.entries, most):
        ioba, first = BusAddress(run.ioba + start * run.stride), Tce(run.first + start * run.step)
        part = replace(run, ioba=ioba, first=first, entries=min(most, run.entries - start))
        answer = answer_all(mailbox, [part])[0]
        if answer.status is not HcallStatus.SUCCESS:
            return HcallAnswer(HcallStatus(answer.status), done=start // run.per_call + getattr(answer, "done", 0))
    return HcallAnswer(HcallStatus.SUCCESS, done=len(run))
