# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of a run between two events, and what makes two runs the same state, whichever of a PE's functions is which."""

import pickle
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from io import BytesIO
from marshal import dumps
from types import NoneType
from typing import Any

from model.cpus import Cpus
from model.interfaces import TceSpan
from model.ledger import Mapping
from model.profiles import Lpar, Profile
from model.recorder import Progress
from model.run import Run
from model.types import Span


class Copier:
    """Copies of runs of one guest on one hypervisor; what they do not change, they share.

    What was counted and the history are not copied: of each event they are what is new.
    """

    LEFT_OUT = ("history", "counts", "make_guest", "make_hypervisor")

    def __init__(self, run: Run) -> None:
        self._makers = run.make_guest, run.make_hypervisor
        self._table: dict[type, Callable[[Any], Any]] = {Cpus: lambda _: (_nobody, ())}
        self._table |= dict.fromkeys((Profile, Lpar), _share)
        for kind in (type(run), type(run.guest), type(run.hypervisor)):  # the last two may be made by `apply`
            _SHARED[id(kind)] = kind
            self._table[kind] = self._parts

    def save(self, run: Run) -> bytes:
        """The run, to be copied from."""
        run.port.reached.clear()
        stream = BytesIO()
        pickler = pickle.Pickler(stream, 5)
        pickler.dispatch_table = self._table
        pickler.dump(run)
        return stream.getvalue()

    def load(self, saved: bytes) -> Run:
        """A run of its own."""
        run: Run = pickle.loads(saved)
        run.make_guest, run.make_hypervisor = self._makers
        run.history, run.counts = [], Counter()
        return run

    def _parts(self, made: Any) -> Any:
        kept = {name: value for name, value in vars(made).items() if name not in self.LEFT_OUT}
        return _empty, (id(type(made)),), kept


_SHARED: dict[int, Any] = {}


def _share(made: Any) -> Any:
    _SHARED[id(made)] = made
    return _shared, (id(made),)


def _shared(number: int) -> Any:
    return _SHARED[number]


def _empty(number: int) -> Any:
    return object.__new__(_SHARED[number])


def _nobody() -> Cpus[Progress]:
    return Cpus(Progress())


def key(run: Run) -> bytes:
    """What stands for the state of a run: equal for two in which the same can happen from now on.

    Functions are taken in an order of their own state, and mappings by their order, not by their numbers. All else that
    guest, hypervisor and ledger hold is looked at, so that what comes to be there makes states differ, not meet.
    """
    guest, hypervisor, ledger = vars(run.guest), vars(run.hypervisor), run.ledger
    devices = sorted(range(run.lpar.devices), key=lambda device: _local(run, device))
    own = [_of_device(run, device) for device in devices]
    rest = [getattr(ledger, field.name) for field in fields(ledger) if field.name not in OF_DEVICES]
    walker = _Walker()
    shape = walker.walk([
        own, [value for name, value in guest.items() if name not in ("port", "reached", "devices")],
        [value for name, value in hypervisor.items() if name != "profile"], rest,
    ])  # fmt: skip
    return blake2b(dumps(shape, 2), digest_size=16).digest()


OF_DEVICES = ("masks", "coherent_masks", "windowed", "mappings")
"""Of the ledger, what is told device by device."""


def _of_device(run: Run, device: int) -> list[Any]:
    ledger = run.ledger
    return [
        device in run.attached, ledger.masks.get(device), ledger.coherent_masks.get(device), device in ledger.windowed,
        [_of_mapping(m) for m in ledger.mappings.values() if m.device == device],
        getattr(run.guest, "devices", {}).get(device),
    ]  # fmt: skip


def _of_mapping(mapping: Mapping) -> list[Any]:
    asked = mapping.asked
    return [
        type(asked).__name__,
        getattr(asked, "direction", None),
        mapping.elements,
        mapping.segments,
        mapping.own_tces,
    ]


def _local(run: Run, device: int) -> list[Any]:
    """By what devices are put in order; two that it does not tell apart are taken as they come."""
    *told, held = _of_device(run, device)
    view = run.guest.view(device)
    plain = [value if isinstance(value, int) else value is None for value in _values(held)] if held is not None else []
    return [repr(told), view.current or 0 if view is not None else 0, plain]


class _Walker:
    """Turns what is reached from an object into tuples of ints and strings; an object met again is its number."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}

    def walk(self, value: Any) -> Any:
        """The shape of a value."""
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in FLAT:
            return tuple(value)
        if kind is list or isinstance(value, tuple):
            return tuple([self.walk(item) for item in value])
        if kind is dict:
            return tuple([(self.walk(name), self.walk(item)) for name, item in value.items()])
        if isinstance(value, Enum):
            return value.name
        if isinstance(value, int):  # a Word
            return int(value)
        if isinstance(value, Set):
            return tuple(sorted([self.walk(item) for item in value]))
        met = self._met.get(id(value))
        if met is not None:
            return ("met", met)
        self._met[id(value)] = len(self._met)
        return (kind.__name__, *[self.walk(part) for part in _values(value)])


PLAIN = {int, bool, str, NoneType}
FLAT = {Span, TceSpan}
"""Tuples of nothing but ints; the ranges of a run are most of what is walked."""


def _values(value: Any) -> list[Any]:
    kind = type(value)
    if kind not in _NAMES:
        _NAMES[kind] = [field.name for field in fields(kind)] if is_dataclass(kind) else []
    return [getattr(value, name) for name in _NAMES[kind] or sorted(vars(value))]


_NAMES: dict[type, list[str]] = {}
"""The fields of what is a dataclass."""
