# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes calls plainer: how plain they are, the plainer ones next to them, and those that are as plain but other."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from conformance.qemu.calls import Made, size_of
from model.calls import PutTceIndirect, RtasCall, TceRun

FIXED = ("token", "liobn", "nret", "kind", "list_addr", "per_call", "step", "stride")
"""What a call is about; another one there makes it another call."""
NAMES = {"ioba": "IOBA", "tce": "TCE", "first": "first TCE", "count": "count", "entries": "number of TCEs"}
"""Operands in words."""


def weight(calls: Sequence[Made]) -> tuple[int, ...]:
    """How far calls are from the plainest, most important first: their number, with loops as what they make, entries, one
    bits in operands, and their length.
    """
    numbers = [number for call in calls for _, number in _numbers(call)]
    entries = sum(len(call.tces) for call in calls if isinstance(call, PutTceIndirect))
    bits, lengths = (sum(map(of, numbers)) for of in (int.bit_count, int.bit_length))
    return len(calls), sum(map(size_of, calls)), entries, bits, lengths


def plainer(calls: Sequence[Made]) -> Iterator[tuple[Made, ...]]:
    """The calls with one of them plainer."""
    for at, call in enumerate(calls):
        for other in _plainer(call):
            yield (*calls[:at], other, *calls[at + 1 :])


def _plainer(call: Made) -> Iterator[Made]:
    if isinstance(call, TceRun):
        yield call.call(0)
    if isinstance(call, PutTceIndirect) and len(call.tces) > 1:
        yield from (replace(call, tces=call.tces[:number]) for number in (1, len(call.tces) // 2, len(call.tces) - 1))
    for name, number in _numbers(call):
        for other in dict.fromkeys((0, 1, 1 << max(0, number.bit_length() - 1), number & (number - 1), number >> 1)):
            if number and other < number:
                yield _with(call, name, other)


def neighbours(calls: Sequence[Made]) -> Iterator[tuple[str, tuple[Made, ...]]]:
    """The calls with one operand a little larger or smaller, in words."""
    for at, call in enumerate(calls):
        for name, number in _numbers(call):
            word = NAMES.get(name) or f"argument {int(name) + 1}"
            step = 4096 if name in ("ioba", "tce", "first") else 1
            for other, sign in ((number + step, "+"), (number - step, "-")):
                if 0 <= other < 1 << (32 if isinstance(call, RtasCall) else 64):
                    changed = (*calls[:at], _with(call, name, other), *calls[at + 1 :])
                    yield f"{word} {sign}{step:#x} in call {at + 1}", changed


def _numbers(call: Made) -> Iterator[tuple[str, int]]:
    """The operands that may vary; of an RTAS call the arguments behind the PE, by their position."""
    if isinstance(call, RtasCall):
        yield from ((str(at), number) for at, number in enumerate(call.args) if at >= 3)
        return
    for field in fields(call):
        value = getattr(call, field.name)
        if field.name not in FIXED and isinstance(value, int):
            yield field.name, value


def _with(call: Made, name: str, value: int) -> Made:
    if isinstance(call, RtasCall):
        at = int(name)
        return replace(call, args=(*call.args[:at], value, *call.args[at + 1 :]))
    operands: dict[str, Any] = {name: value}
    return replace(call, **operands)
