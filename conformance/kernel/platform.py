# SPDX-License-Identifier: GPL-2.0-or-later
"""The small hypervisor in C that storms run on (`c/storm/platform.h`), as data for it and behind the `Hypervisor` interface.

Behind the interface it is a library in this process, of which there is one: a new `CompiledPlatform` ends the one before.
"""

import ctypes
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.calls import (
    GetRun,
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
from model.hypervisor.tce_calls import read_one_by_one
from model.interfaces import DdwProperties, DefaultWindow, Reach, TceSpan, WindowView
from model.profiles import (
    DirtyRemoval,
    LiobnOf,
    MultiTce,
    Ownership,
    Placement,
    Profile,
    ReservedBits,
    Unaligned,
    WideBlock,
)
from model.types import CONTROL, BusAddress, Liobn, PageShift, Pe, PhysAddr, Span, Tce, WindowShift

SOURCES = Path(__file__).parent / "c" / "storm"
PARTS = ("tables", "owned", "windows", "tces")
"""The files of c/storm that make the hypervisor."""
MOST_EXTENSIONS, MOST_RANGES, MOST_WINDOWS, MOST_PES, MOST_LISTED = 16, 1024, 4, 8, 512
"""As c/storm/platform.h has them."""
WORD = 1 << 64


def words_of(profile: Profile, multi_tce: MultiTce) -> list[int]:
    """Struct profile of platform.h."""
    choices, mmio = profile.choices, profile.mmio32
    cells = profile.extensions
    return [
        profile.windows, profile.block, profile.pages, profile.query_outputs,
        *profile.default, profile.dma64, profile.limited, profile.first_liobn, *profile.tokens, int(profile.applicable),
        *((1, *mmio) if mmio else (0, 0, 0)),
        int(choices.wide_block is WideBlock.SATURATE), choices.oversize.value % WORD, choices.failed_outputs.value,
        int(choices.liobn is LiobnOf.RECYCLED), int(choices.placement is Placement.ALIGNED),
        int(choices.dirty_removal is DirtyRemoval.REFUSE), int(choices.unaligned is Unaligned.REJECT),
        int(choices.ownership is Ownership.WHOLE_PAGE), int(choices.reserved_bits is ReservedBits.REJECT),
        int(multi_tce), len(cells), *cells, *(0,) * (MOST_EXTENSIONS - len(cells)),
    ]  # fmt: skip


def compiled(folder: Path, sources: Path = SOURCES) -> ctypes.CDLL:
    """The hypervisor of `sources` as a library, below `folder`."""
    library = folder / "platform.so"
    files = [str(sources / f"{part}.c") for part in PARTS]
    subprocess.run(["gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", *files, "-o", str(library)], check=True)
    found = ctypes.CDLL(str(library))
    for name in ("platform_rtas", "platform_hcall", "platform_get_tce"):
        getattr(found, name).restype = ctypes.c_int64
    return found


class _Range(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("start", "stop", "tce", "step")]


class _Window(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("liobn", "base", "size", "page_shift", "window_shift")),
        ("used", ctypes.c_int), ("full", ctypes.c_int), ("ranges", _Range * MOST_RANGES),
    ]  # fmt: skip


class _Endpoint(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("config", "buid", "default_liobn")),
        ("count", ctypes.c_int), ("limited", ctypes.c_int),
        ("windows", ctypes.POINTER(_Window) * MOST_WINDOWS), ("space", _Window * MOST_WINDOWS),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompiledTable:
    """The TCEs of a window, as they were when it was looked at."""

    held: Sequence[TceSpan]

    def spans(self, start: int, stop: int) -> Sequence[TceSpan]:
        """The entries that are not zero, in order, cut to [start, stop)."""
        found = []
        for span in self.held:
            first, last = max(start, span.start), min(stop, span.stop)
            if first < last:
                found.append(TceSpan(first, last, Tce(span.tce + (first - span.start) * span.step), span.step))
        return found

    def valid(self) -> bool:
        """Whether any entry grants access."""
        return any(span.tce & CONTROL for span in self.held)


@dataclass(slots=True)
class CompiledWindow:
    """One window, as it was when it was looked at."""

    liobn: Liobn
    base: BusAddress
    page_shift: PageShift
    window_shift: WindowShift
    span: Span[BusAddress]
    table: CompiledTable


def _word(value: int) -> ctypes.c_uint64:
    return ctypes.c_uint64(value % WORD)


class CompiledPlatform:
    """The C hypervisor. ValueError where it has no room for what it is asked to hold."""

    def __init__(
        self, library: ctypes.CDLL, profile: Profile, pes: Sequence[Pe], multi_tce: MultiTce = MultiTce.BOTH
    ) -> None:
        self._c, self._profile, self._pes = library, profile, list(pes)
        words = words_of(profile, multi_tce)
        names = [word for pe in pes for word in pe]
        self._c.platform_begin(
            (ctypes.c_uint64 * len(words))(*words), _word(len(pes)), (ctypes.c_uint64 * len(names))(*names)
        )

    def properties(self, pe: Pe) -> DdwProperties:
        """The device-tree properties of a PE."""
        profile = self._profile
        default = DefaultWindow(Liobn(self._endpoint(pe).default_liobn), profile.default)
        tokens = profile.tokens if profile.applicable else None
        return DdwProperties(pe, default, tokens, profile.extensions, profile.mmio32)

    def rtas(self, call: RtasCall) -> RtasAnswer:
        """One RTAS call."""
        args = (ctypes.c_uint32 * max(1, len(call.args)))(*call.args)
        outputs = (ctypes.c_uint32 * 16)()
        status = self._c.platform_rtas(_word(call.token), len(call.args), args, call.nret, outputs)
        return RtasAnswer(RtasStatus(status), tuple(outputs[: max(0, call.nret - 1)]))

    def hcall(self, call: Hcall) -> HcallAnswer:
        """One hypercall, or the calls of a loop until one fails."""
        if isinstance(call, TceRun):
            for number, one in enumerate(call.calls()):
                answer = self.hcall(one)
                if answer.status is not HcallStatus.SUCCESS:
                    return HcallAnswer(answer.status, done=number)
            return HcallAnswer(HcallStatus.SUCCESS, done=len(call))
        if isinstance(call, GetRun):
            return read_one_by_one(self, call)
        liobn, ioba = _word(call.liobn), _word(call.ioba)
        if isinstance(call, GetTce):
            tce = ctypes.c_uint64()
            status = HcallStatus(self._c.platform_get_tce(liobn, ioba, ctypes.byref(tce)))
            return HcallAnswer(status, Tce(tce.value))
        kind, value, count, listed, low = 1, 0, 1, None, 0
        if isinstance(call, PutTce):
            value = call.tce
        elif isinstance(call, StuffTce):
            kind, value, count = 2, call.tce, call.count
        else:
            kind, count, low = 3, call.count, call.list_addr % 4096
            listed = _big_endian(call) if count <= MOST_LISTED else None
        status = HcallStatus(self._c.platform_hcall(kind, liobn, ioba, _word(value), _word(count), listed, _word(low)))
        if self._c.platform_full():
            raise ValueError("more ranges than a table has room for")
        return HcallAnswer(status, done=int(status is HcallStatus.SUCCESS))

    def assign_memory(self, span: Span[PhysAddr]) -> None:
        """The partition owns a further range."""
        self._c.owned_assign(_word(span.start), _word(span.stop))

    def release_memory(self, span: Span[PhysAddr]) -> bool:
        """Take a range back unless a TCE reaches it."""
        return bool(self._c.platform_release(_word(span.start), _word(span.stop)))

    def isolate(self, pe: Pe) -> None:
        """DR isolate."""
        self._c.platform_isolate(_word(self._pes.index(pe)))

    def eeh_reset(self, pe: Pe) -> None:
        """Reset of a slot, which changes nothing here."""

    def reboot(self) -> None:
        """Partition reboot."""
        self._c.platform_reboot()

    def windows(self, pe: Pe) -> Sequence[WindowView]:
        """The windows of a PE."""
        endpoint = self._endpoint(pe)
        return [_window(endpoint.windows[k].contents) for k in range(endpoint.count)]

    def translate(self, pe: Pe, address: BusAddress) -> Reach | None:
        """What the PE reaches at a bus address."""
        memory, control = ctypes.c_uint64(), ctypes.c_uint64()
        found = self._c.platform_translate(
            _word(self._pes.index(pe)), _word(address), ctypes.byref(memory), ctypes.byref(control)
        )
        return Reach(PhysAddr(memory.value), control.value) if found else None

    def _endpoint(self, pe: Pe) -> _Endpoint:
        return (_Endpoint * MOST_PES).in_dll(self._c, "endpoints")[self._pes.index(pe)]


def _big_endian(call: PutTceIndirect) -> ctypes.Array[ctypes.c_uint64]:
    swapped = [int.from_bytes((tce % WORD).to_bytes(8, "big"), "little") for tce in call.tces]
    return (ctypes.c_uint64 * max(1, len(swapped)))(*swapped)


def _window(found: _Window) -> CompiledWindow:
    spans = [TceSpan(r.start, r.stop, Tce(r.tce), r.step) for r in found.ranges[: found.used]]
    base = BusAddress(found.base)
    span = Span(base, BusAddress(base + found.size))
    return CompiledWindow(
        Liobn(found.liobn),
        base,
        PageShift(found.page_shift),
        WindowShift(found.window_shift),
        span,
        CompiledTable(spans),
    )
