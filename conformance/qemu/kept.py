# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls as `calls.json` keeps them."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from typing import Any

from conformance.qemu.calls import MOST_CELLS, WORD, Made, lists_of, size_of
from conformance.qemu.differ import Access
from conformance.qemu.e1000 import LONGEST, SHORTEST
from conformance.qemu.mailbox import MOST, MOST_LISTS
from model.calls import GetTce, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun
from model.types import BusAddress

VERSION = 1
KINDS = {kind.__name__: kind for kind in (RtasCall, GetTce, PutTce, StuffTce, PutTceIndirect, TceRun)}
REPEATED = {kind.__name__: kind for kind in (PutTce, StuffTce, PutTceIndirect)}
"""What a loop may be made of."""
LISTS = ("args", "tces")


class BadCalls(ValueError):
    """Data that is no list of calls, or one that cannot be made."""


def to_json(call: Made) -> dict[str, Any]:
    """A call by its name and operands."""
    operands = {name: value.__name__ if isinstance(value, type) else value for name, value in asdict(call).items()}
    return {"call": type(call).__name__} | {
        name: list(value) if name in LISTS else value for name, value in operands.items()
    }


def access_to_json(access: Access) -> tuple[int, int, str | None]:
    """A device's access."""
    return access.bus, access.size, None if access.data is None else access.data.hex()


def from_json(data: Any) -> tuple[Made, ...]:
    """The calls in parsed JSON; BadCalls says what is wrong with them."""
    if not isinstance(data, dict) or data.get("ddwcheck_qemu") != VERSION:
        raise BadCalls(f"no calls of ddwcheck qemu, version {VERSION}")
    calls = data.get("calls")
    if not isinstance(calls, list) or not isinstance(data.get("accesses", []), list):
        raise BadCalls("no list of calls")
    return tuple(_call(number, call) for number, call in enumerate(calls, 1))


def accesses_of(data: dict[str, Any]) -> tuple[Access, ...]:
    """The accesses in JSON of which `from_json` takes the calls; BadCalls."""
    found = []
    for access in data.get("accesses", []):
        try:
            bus, size, written = access
            there = Access(BusAddress(bus), size, None if written is None else bytes.fromhex(written))
        except (TypeError, ValueError):
            raise BadCalls("an access that cannot be read") from None
        if not (_fits(bus, 64) and _fits(size, 64) and SHORTEST <= size <= LONGEST):
            raise BadCalls(f"an access of {size!r} bytes at {bus!r}")
        if there.data is not None and len(there.data) != size:
            raise BadCalls("an access that writes more or less than it says")
        found.append(there)
    return tuple(found)


def _call(number: int, data: Any) -> Made:
    kind = KINDS.get(data.get("call", "")) if isinstance(data, dict) else None
    if kind is None:
        raise BadCalls(f"call {number} is of no known kind")
    names = [field.name for field in fields(kind)]
    if set(data) != {"call", *names}:
        raise BadCalls(f"call {number}: the operands are not {', '.join(names)}")
    for wrong in _wrong(data, names):
        raise BadCalls(f"call {number}: {wrong}")
    operands = {name: tuple(data[name]) if name in LISTS else data[name] for name in names}
    if kind is TceRun:
        operands["kind"] = REPEATED[data["kind"]]
    make: Callable[..., Made] = kind
    call = make(**operands)
    if size_of(call) > MOST or lists_of(call) > MOST_LISTS:
        raise BadCalls(f"call {number}: a loop too long for one batch")
    return call


def _wrong(data: dict[str, Any], names: list[str]) -> Iterator[str]:
    for name in names:
        value = data[name]
        if name == "kind":
            if value not in REPEATED:
                yield f"a loop of {value!r}"
            continue
        numbers = value if name in LISTS else [value]
        if not isinstance(numbers, list) or not all(_fits(each, 32 if name == "args" else 64) for each in numbers):
            yield f"{name} is no number of the call"
    if "args" in names and not (data["nret"] <= MOST_CELLS and len(data["args"]) + data["nret"] <= MOST_CELLS):
        yield "more cells than an argument block has"
    if "per_call" in names and not data["per_call"]:
        yield "per_call is 0"


def _fits(number: Any, bits: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < min(WORD, 1 << bits)
