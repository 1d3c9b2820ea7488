# SPDX-License-Identifier: GPL-2.0-or-later
"""The hypervisor in C, on which storms run, says what the reference says, whatever is asked of it."""

import ctypes
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from conformance.compare import Assign, Isolate, Operation, Reaches, Release, Restart, assert_same, carry_out, state
from conformance.edits import Edit
from conformance.kernel.platform import SOURCES, CompiledPlatform, compiled
from conformance.questions import FOREIGN_LIOBN, FOREIGN_PE, MEMORY, PES, all_windows
from model.calls import GetRun, GetTce, Hcall, HcallStatus, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun, tce_list
from model.hypervisor.papr import Papr
from model.profiles import PROFILES, Choices, MultiTce, Profile
from model.types import BusAddress, Liobn, PhysAddr, Span, Tce

LIVES, OPERATIONS = 400, 60
"""Partitions, and what is asked of each."""
SHIFTS = (12, 16, 21, 24)
BORDERS = tuple(border for span in MEMORY for border in span)
GIANT = (0, 1, 511, 512, 513, 1 << 31, 1 << 32, (1 << 32) + 1, 1 << 51, 1 << 52, 1 << 63, (1 << 64) - 1)
"""Counts and addresses whose products and sums do not fit into 64 bits."""
COUNTABLE = 1 << 62
"""The longest list whose length Python can tell."""
STEPS = (1, 8, 2048, 4096, 1 << 16, 1 << 21)


@dataclass
class Asker:
    """Draws platforms and what is asked of them: mostly what one may ask, one time in eight what nobody may."""

    random: Random

    def rarely(self, usual: int, *others: int) -> int:
        """`usual`, but one of the others one time in eight."""
        return self.random.choice(others) if self.random.random() < 1 / 8 else usual

    def profile(self) -> Profile:
        """A built-in platform with other answers where LoPAR is silent, and other sizes."""
        draw = self.random.choice
        default = Choices()
        answers = Choices(**{name: draw(list(getattr(default, name).__class__)) for name in Choices.__slots__})
        profile = replace(PROFILES[draw(sorted(PROFILES))], choices=answers, pages=draw((0x107, 0x107, 0x3, 0x1FF)))
        if self.random.random() < 1 / 4:
            profile = replace(profile, dma64=BusAddress(draw((0, 1 << 31, 1 << 40, 1 << 63))))
        return replace(
            profile, windows=draw((1, 2, 2, 3)), default=Span(BusAddress(0), BusAddress(576 * 4096)),
            block=draw((1024, 1024, 1000, 1 << 33, (1 << 32) + 5, 1 << 51)), applicable=self.random.random() < 15 / 16,
        )  # fmt: skip

    def operation(self, papr: Papr) -> Operation:
        """One operation in the platform's present state."""
        kind = self.random.randrange(16)
        if kind < 2:
            return self.event(papr)
        return self.rtas(papr) if kind < 6 else self.hcall(papr)

    def event(self, papr: Papr) -> Operation:
        """Memory that comes and goes, DR isolate, reboot, and accesses of a device."""
        draw = self.random.choice
        memory = draw(MEMORY)
        memory = Span(memory.start, PhysAddr(draw((memory.stop, memory.start + 12 * 1024))))
        window = draw(all_windows(papr))
        address = window.base + self.random.randrange(1100) * draw(STEPS) + self.random.randrange(9)
        access = Reaches(draw(PES), BusAddress(address % (1 << 64)))
        return draw((access, access, Assign(memory), Release(memory), Isolate(draw(PES)), Restart()))

    def rtas(self, papr: Papr) -> RtasCall:
        """An RTAS call."""
        draw, profile = self.random.choice, papr.profile
        reset = profile.extensions[1]
        token = draw((profile.tokens[1], *profile.tokens, reset))
        args: tuple[int, ...] = (FOREIGN_PE if self.random.random() < 1 / 16 else draw(PES)).cells
        nret = 1
        if token == profile.tokens[1]:
            page = self.rarely(draw(SHIFTS), 0, 11, 34, 64, 0xFFFFFFFF)
            size = self.rarely((page + draw((8, 10))) % 256, (page + 11) % 256, 11, 63, 64, 65, 0xFFFFFFFF)
            args, nret = (*args, page, size), 4
        elif token == profile.tokens[0]:
            nret = draw((5, 6))
        elif token == profile.tokens[2]:
            args = (self.rarely(draw(all_windows(papr)).liobn, FOREIGN_LIOBN),)
        elif self.random.random() < 1 / 2:
            args = (*args, self.random.randrange(3))
        if self.random.random() < 1 / 16:
            args = draw((args[:-1], (*args, 0)))
        return RtasCall(self.rarely(token, 0x57), args, self.rarely(nret, *range(8)))

    def hcall(self, papr: Papr) -> Hcall:
        """A TCE hypercall, at the start, in the middle or at the end of a window."""
        draw = self.random.choice
        window = draw(all_windows(papr))
        page = 1 << window.page_shift
        edge = draw((window.base, window.base + window.span.size // 2 // page * page, window.span.stop - 20 * page))
        edge += self.random.randrange(21) * page
        ioba = BusAddress(self.rarely(edge, edge + 1, edge + page // 2, edge - 1, 0, *GIANT) % (1 << 64))
        liobn = Liobn(self.rarely(window.liobn, FOREIGN_LIOBN, (1 << 64) - 1))
        address = draw(BORDERS) // page * page + draw((-2, -1, 0, 0, 1)) * page
        address = max(0, self.rarely(address, address - 4096, address + 4096, *GIANT)) >> 12 << 12
        tce = Tce(address | draw((3, 3, 3, 1, 2, 0)) | self.rarely(0, 0x10, 0x800))
        if address > (1 << 64) - (1 << 32):
            page = 0  # what follows in a list or loop would be no 64-bit word
        count = self.rarely(self.random.randrange(20), *GIANT)
        match self.random.randrange(6):
            case 0:
                return GetTce(liobn, ioba)
            case 1:
                return PutTce(liobn, ioba, tce)
            case 2:
                return StuffTce(liobn, ioba, tce, count)
            case 3:
                step = self.rarely(page, 0, 2 * page)
                listed = range(min(count, COUNTABLE)) if count > 513 else tce_list(tce, step, count)
                return PutTceIndirect(liobn, ioba, listed, self.rarely(0, 8, 4096))  # type: ignore[arg-type]
            case 4:
                few = min(count, COUNTABLE, ((1 << 64) - 1 - ioba) // 4096 // 512)  # the last is a 64-bit word, too
                return GetRun(liobn, ioba, self.rarely(1 << window.page_shift, 4096, 1 << 21), few)
            case _:
                kind = draw((PutTce, StuffTce, PutTceIndirect))
                per_call = 1 if kind is PutTce else self.rarely(self.random.randrange(1, 9), 512, 513)
                step = 0 if kind is StuffTce else self.rarely(page, 0, page // 2, 2 * page)
                stride = self.rarely(1 << window.page_shift, 4096, 2 << window.page_shift)
                return TceRun(kind, liobn, ioba, tce, step, stride, self.rarely(count % 64, 513), per_call)


def compare(library: ctypes.CDLL, lives: int = LIVES) -> Counter[str]:
    """Random operations on the reference and on the C hypervisor; AssertionError where they differ. What was answered."""
    seen: Counter[str] = Counter()
    for number in range(lives):
        asker = Asker(Random(number))
        profile, multi_tce = asker.profile(), MultiTce(number // 4 % 4) if number % 4 == 0 else MultiTce.BOTH
        left, right = Papr(profile, PES, multi_tce), CompiledPlatform(library, profile, PES, multi_tce)
        for span in MEMORY:
            assert_same(left, right, PES, Assign(span))
        for _ in range(OPERATIONS):
            operation = asker.operation(left)
            one, other = carry_out(left, operation), carry_out(right, operation)
            assert one == other, f"life {number}: {operation}: {one} and {other}"
            assert state(left, PES) == state(right, PES), f"life {number}: {operation}: same answer, different tables"
            seen[f"{type(operation).__name__} {getattr(one, 'status', one is None)}"] += 1
    return seen


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(tmp_path_factory.mktemp("platform"))


def test_it_answers_and_stores_what_the_reference_does(library: ctypes.CDLL) -> None:
    seen = compare(library)
    for status in ("SUCCESS", "PARAMETER", "FUNCTION", "P4"):
        assert seen[f"StuffTce {HcallStatus[status]}"] > 10, seen


def test_it_shows_the_properties_of_the_reference(library: ctypes.CDLL) -> None:
    for profile in PROFILES.values():
        left, right = Papr(profile, PES), CompiledPlatform(library, profile, PES)
        assert [left.properties(pe) for pe in PES] == [right.properties(pe) for pe in PES]


def test_a_table_without_room_says_so(library: ctypes.CDLL) -> None:
    platform = CompiledPlatform(library, PROFILES["powervm-sriov"], PES)
    platform.assign_memory(Span(PhysAddr(0), PhysAddr(1 << 30)))
    window = platform.windows(PES[0])[0]
    with pytest.raises(ValueError, match="room"):
        for k in range(2000):
            platform.hcall(PutTce(window.liobn, BusAddress(k * 8192), Tce(k * 12288 | 3)))


WRONG = {
    "one TCE too many": Edit("tces.c", "count > MOST_TCES", "count > MOST_TCES + 1"),
    "a window ends one entry late": Edit("tces.c", "count <= entries - *index", "count <= entries - *index + 1"),
    "an IOBA inside an I/O page": Edit("tces.c", "if (profile.rejects_unaligned && offset", "if (0 && offset"),
    "the whole page is not looked at": Edit("tces.c", "profile.whole_page ? page : FOUR_K", "FOUR_K"),
    "low bits of a TCE are kept": Edit("tces.c", "address -= address & (page - 1);", ";"),
    "a failing list stores what came before": Edit(
        "tces.c", "&entries[i]))\n\t\t\treturn H_PARAMETER;", "&entries[i]))\n\t\t\t{ count = i; break; }"
    ),
    "the wrong code for too many": Edit("tces.c", "kind == STUFF_TCE ? H_P4 : H_PARAMETER", "H_PARAMETER"),
    "no lists are not told": Edit("tces.c", "kind == PUT_TCE_INDIRECT && !(profile.multi_tce & LISTS)", "0"),
    "no stuff is not told": Edit("tces.c", "kind == STUFF_TCE && !(profile.multi_tce & STUFF)", "0"),
    "the tail of a range is lost": Edit("tables.c", "table->ranges[last - 1].stop > stop", "0"),
    "any ranges are joined": Edit(
        "tables.c", "after->tce == before->tce + (before->stop - before->start) * step", "1"
    ),
    "a page that begins in memory is taken for owned": Edit(
        "owned.c", "return owned[last].stop - start >= size;\n\treturn 0;", "return 1;\n\treturn 0;"
    ),
    "memory that was released stays": Edit("windows.c", "owned_release(start, stop);", ";"),
    "the default never comes back": Edit("windows.c", "if (!pe->count && args[0]", "if (0 && args[0]"),
    "a removed default comes back": Edit("windows.c", " && args[0] != pe->default_liobn", ""),
    "a dirty window may go": Edit("windows.c", "return profile.refuses_dirty &&", "return 0 &&"),
    "windows overlap": Edit("windows.c", "if (next->base < base + size &&", "if (0 &&"),
    "a LIOBN is given twice": Edit("windows.c", "liobn++;\n\t\t\ti = -1;", ";"),
    "one TCE more than offered": Edit("windows.c", "page_shift) > profile.block", "page_shift) > 2 * profile.block"),
    "memory in use may go": Edit("windows.c", "if (reaches(", "if (0 && reaches("),
    "a block is cut that should saturate": Edit("windows.c", "nret == 5 && profile.saturates", "0"),
    "reset needs no extension": Edit("windows.c", "nargs == 4 && (!offers ||", "nargs == 4 && ((0 && !offers) ||"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_line_is_caught(wrong: str, tmp_path: Path) -> None:
    copy = tmp_path / "c" / "storm"
    shutil.copytree(SOURCES, copy)
    shutil.copy(SOURCES.parent / "harness.h", tmp_path / "c")
    edit = WRONG[wrong]
    text = (copy / edit.file).read_text()
    assert text.count(edit.old) == 1
    (copy / edit.file).write_text(text.replace(edit.old, edit.new))
    with pytest.raises(AssertionError):
        compare(compiled(tmp_path, copy))
