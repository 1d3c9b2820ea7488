# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's lines add to a trace: only what they say of every window of that name."""

from ddwcheck.log_devices import group
from ddwcheck.log_lines import read
from ddwcheck.record_kernel import Said, said
from model.types import Pe

PE = Pe(0, 0x800000020000000)
LIOBN = 0x80000001


def heard(*texts: str) -> Said:
    return said(group(read(enumerate((f"nvme 0000:00:00.0: {text}" for text in texts), 1), "log")))


def query(block: int, status: int = 0) -> str:
    return f"ibm,query-pe-dma-windows(2026) 0 8000000 20000000 returned {status}, lb={block:x} ps=107 wn=1"


def create(status: int = 0) -> str:
    asked = "ibm,create-pe-dma-window(2027) 0 8000000 20000000 18 22"
    return f"{asked} returned {status} (liobn = {LIOBN:#x} starting addr = 8000000 0)"


def summary(direct: int) -> str:
    return f"lsa_required: 0, lsa_enabled: 0, direct mapping: {direct}"


def test_the_largest_block_of_a_pe_is_what_was_offered() -> None:
    wanted = {(PE.buid, PE.config_addr): 0x200}
    assert heard(query(0x200), summary(0), query(0x100), query(0x400, status=-3)).blocks == wanted


def test_the_summary_says_whether_the_window_maps_ram() -> None:
    assert heard(query(0x400), create(), summary(1)).direct == {LIOBN: True}
    assert heard(query(0x400), create(), summary(0)).direct == {LIOBN: False}
    assert heard(query(0x400), create()).direct == {}


def test_ram_that_does_not_fit_says_so_too() -> None:
    unfit = "can't map partition max 0x400000000 with 128 16777216-sized pages"
    assert heard(query(0x80), unfit, create()).direct == {LIOBN: False}


def test_a_create_that_failed_made_no_window() -> None:
    assert heard(query(0x400), create(status=-1), summary(1)).direct == {}


def test_a_name_of_windows_of_both_kinds_says_nothing() -> None:
    assert heard(query(0x400), create(), summary(1), query(0x80), create(), summary(0)).direct == {}
