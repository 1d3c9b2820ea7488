# SPDX-License-Identifier: GPL-2.0-or-later
"""A real boot traced by QEMU holds; the same record with one thing wrong is caught, and names its line."""

import lzma
import re
from pathlib import Path

import pytest

from ddwcheck import Verdict, record
from ddwcheck.log_devices import group
from ddwcheck.log_lines import read
from ddwcheck.main import main
from ddwcheck.record_kernel import said

BOOT = Path(__file__).parent / "vectors" / "boots" / "6.12-64k-xhci-hotplug.txt.xz"
TEXT = lzma.decompress(BOOT.read_bytes()).decode()
LIST = "spapr_iommu_pci_indirect liobn=0x80000001 ioba=0x8000000b0000000"


def judged(text: str) -> record.Judge:
    lines = text.splitlines()
    judge = record.Judge("record", said(group(read(enumerate(lines, 1), "record"))))
    judge.read(enumerate(lines, 1))
    return judge


def test_a_real_boot_with_memory_hot_added_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "record.txt"
    file.write_text(TEXT)
    assert main(["log", str(file)]) == 0
    said = capsys.readouterr().out
    assert "5 pci_indirect" in said and "direct windows held against them: 2" in said
    assert "16M pages, window 2^34" in said  # the kernel's own lines are read as well


def line(start: str) -> str:
    return next(line for line in TEXT.splitlines() if line.startswith(start))


CREATE = line("spapr_iommu_ddw_create")
QUERY = line("spapr_iommu_ddw_query")
NO_PAGE = CREATE.replace("size=0x1000000", "size=0x1001000")
TABLE = "spapr_iommu_new_table liobn={:#x} table=0x1 fd=-1\n"
RESET = "spapr_iommu_ddw_reset buid=0x80000002000000{} addr=0x0\n"
PUT = "spapr_iommu_pci_put liobn={:#x} ioba=0x1000 tce={:#x} ret={}\n"
REMOVE = "spapr_iommu_ddw_remove liobn={:#x}\n"
DMA = line("spapr_iommu_xlate")
DEFAULT, CREATED, OTHER = 0x80000000, 0x80000001, 0x80000100
"""LIOBNs: two windows of the record's PHB, and the default of another PHB."""
REMOVE_DEFAULT = REMOVE.format(DEFAULT)
BAD = {
    "RAM that is not mapped": (line(LIST), "", "ram-covered"),
    "RAM mapped elsewhere": (line(LIST), line(LIST).replace("tceN=0xbf", "tceN=0xff"), "ram-covered"),
    "no RAM is mapped": (f"spapr_iommu_pci_indirect liobn={CREATED:#x}", "spapr_iommu_pci_get", "ram-covered"),
    "RAM that may only be read": (line(LIST), line(LIST).replace("tceN=0xbf000003", "tceN=0xbf000001"), "ram-covered"),
    "one page for all of it": (
        line(LIST), "spapr_iommu_pci_stuff liobn=0x80000001 ioba=0x8000000c0000000 tcevalue=0xb0000003 npages=16 ret=0",
        "ram-covered",
    ),
    "memory that is not there": (
        line(LIST), line(LIST).replace("iobaN=0xf tceN=0xbf", "iobaN=0x1f tceN=0xcf"), "direct-maps-only-ram",
    ),
    "a list too long": (line(LIST), line(LIST) + "\n" + line(LIST).replace("=0xf ", "=0x800000fb0000000 "),
                        "calls-well-formed"),
    "a TCE inside a page": (line(LIST), line(LIST).replace("tceN=0xbf000003", "tceN=0xbf001003"), "calls-well-formed"),
    "beyond the window": (line(LIST), line(LIST).replace("ioba=0x8000000b", "ioba=0x8000004b"), "regions-inside-window"),
    "no query": ("spapr_iommu_ddw_query", "spapr_iommu_pci_get", "regions-inside-window"),
    "a page that was not offered": ("mask=0x107", "mask=0x103", "regions-inside-window"),
    "more TCEs than were offered": ("lb=2000000000", "lb=100", "regions-inside-window"),
    "more TCEs than QEMU ever offers": (CREATE, CREATE.replace("=0x400000000", "=0x4000000000000000"),
                                        "regions-inside-window"),
    "a window that is not there": (CREATE, "", "no-dead-liobn"),
    "removed while it maps RAM": (line(LIST), line(LIST) + "\nspapr_iommu_ddw_remove liobn=0x80000001",
                                  "window-empty-at-removal"),
    "reset while it maps RAM": (line(LIST), line(LIST) + "\n" + TABLE.format(DEFAULT) + RESET.format(0),
                                "window-empty-at-removal"),
    "reset while it maps RAM, beside an access": (
        line(LIST), f"{line(LIST)}\n{TABLE.format(DEFAULT)}{DMA}\n{RESET.format(0)}", "window-empty-at-removal",
    ),
    "used after the reset": (line(LIST), RESET.format(0) + line(LIST), "no-dead-liobn"),
    "reset of a PHB that is known by its new table": (
        QUERY, PUT.format(OTHER, 0x1003, 0) + TABLE.format(OTHER) + RESET.format(1) + QUERY,
        "window-empty-at-removal",
    ),
    "used after a restart": (
        line(LIST), TABLE.format(DEFAULT) + PUT.format(DEFAULT, 0, 0) + line(LIST), "no-dead-liobn",
    ),
    "a default that was removed": (QUERY, REMOVE_DEFAULT + PUT.format(DEFAULT, 0x1003, 0) + QUERY, "no-dead-liobn"),
    "another PHB's reset does not bring it back": (
        line(LIST), REMOVE_DEFAULT + TABLE.format(OTHER) + RESET.format(1) + PUT.format(DEFAULT, 0, 0) + line(LIST),
        "no-dead-liobn",
    ),
    "RAM whose list was refused": (line(LIST), line(LIST).replace("ret=0", "ret=-4"), "ram-covered"),
    "a window that was not there, as QEMU says": (
        CREATE, REMOVE_DEFAULT + PUT.format(DEFAULT, 0, -4) + CREATE, "no-dead-liobn",
    ),
    "a device reaches other memory": (DMA, re.sub("-> 0x", "-> 0x1", DMA), "mapping-translates"),
    "a device may do more than its TCE says": (DMA, DMA.replace("perm=3", "perm=2"), "mapping-translates"),
    "a device reaches what was never mapped": (DMA, re.sub(" 0x", " 0xf", DMA, count=1), "mapping-translates"),
    "removed although its clearing was refused": (
        QUERY, PUT.format(DEFAULT, 0x1003, 0) + PUT.format(DEFAULT, 0, -4) + REMOVE_DEFAULT + QUERY,
        "window-empty-at-removal",
    ),
}  # fmt: skip


HARMLESS = {
    "reset of another PHB": (line(LIST), TABLE.format(OTHER) + RESET.format(1) + line(LIST)),
    "reset of another PHB, without its new table": (line(LIST), RESET.format(1) + line(LIST)),
    "reset of an empty PHB": (QUERY, RESET.format(0) + QUERY),
    "the default is back after a reset": (
        CREATE, f"{CREATE}\n{REMOVE_DEFAULT}{RESET.format(0)}{PUT.format(DEFAULT, 0, 0)}{CREATE}",
    ),
    "the default is back with its new table": (
        QUERY, REMOVE_DEFAULT + TABLE.format(DEFAULT) + PUT.format(DEFAULT, 0, 0) + QUERY,
    ),
    "the machine restarts while RAM is mapped": (
        line(LIST), f"{line(LIST)}\n{TABLE.format(DEFAULT)}{PUT.format(DEFAULT, 0, 0)}{REMOVE.format(CREATED)}",
    ),
    "a virtual device's window beside a reset": (
        QUERY, PUT.format(0x71000003, 0x1003, 0).replace("pci_", "") + RESET.format(0) + QUERY,
    ),
    "RAM that a refused call does not clear": (line(LIST), line(LIST) + "\n" + line(LIST).replace(
        "tceN=0xbf000003 ret=0", "tceN=0x0 ret=-4")),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_record_with_one_thing_wrong_is_caught(name: str) -> None:
    old, new, invariant = BAD[name]
    assert old in TEXT
    judge = judged(TEXT.replace(old, new))
    assert invariant in judge.violations and record.verdict(judge) is Verdict.VIOLATED
    assert judge.broken[0].line > 0


def test_each_invariant_that_is_checked_has_a_bad_record() -> None:
    assert {invariant for _, _, invariant in BAD.values()} == set(record.CHECKED)


def test_without_a_map_of_ram_the_verdict_is_open() -> None:
    judge = judged(TEXT.replace(" : System RAM", ""))
    assert record.verdict(judge) is Verdict.INCONCLUSIVE
    assert any("open: no window" in line for line in record.report(judge))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_concerns_another_window_or_has_no_effect_holds(name: str) -> None:
    old, new = HARMLESS[name]
    judge = judged(TEXT.replace(old, new))
    assert record.verdict(judge) is Verdict.HOLDS, (judge.broken, judge.open)


SAID = "direct mapping: 1"
NO_DMA = "\n".join(line for line in TEXT.splitlines() if "_xlate" not in line)
NOT_MAPPED = NO_DMA.replace(f"spapr_iommu_pci_indirect liobn={CREATED:#x}", "spapr_iommu_pci_get")
SILENT = "\n".join(line for line in NOT_MAPPED.splitlines() if "0000:00:00.0: " not in line)
"""Without a word of the kernel about the window."""


def as_large_as_offered(text: str, size: int) -> str:
    """The record with a window of `size` bytes, and no larger one to be had."""
    text = text.replace("requested=0x400000000", f"requested={size:#x}").replace("lb=2000000000", f"lb={size >> 24:x}")
    return text.replace("max window size=0x80000000", f"max window size={size >> 24:#x}")


@pytest.mark.parametrize("text", [SILENT, as_large_as_offered(NOT_MAPPED, 1 << 34)], ids=["by size", "by its word"])
def test_a_window_that_is_to_map_ram_and_maps_none_is_caught(text: str) -> None:
    assert "ram-covered" in judged(text).violations


def test_a_window_that_may_be_for_tces_on_demand_is_open() -> None:
    judge = judged(as_large_as_offered(SILENT, 1 << 34))
    assert not judge.broken and "whether it maps RAM" in judge.open[0].message
    assert record.verdict(judge) is Verdict.INCONCLUSIVE


UNFIT = "xhci_hcd 0000:00:00.0: can't map partition max 0x400000000 with 128 16777216-sized pages\n"


@pytest.mark.parametrize("text", [
    as_large_as_offered(SILENT, 1 << 30), NOT_MAPPED.replace(SAID, "direct mapping: 0"),
    NOT_MAPPED.replace(CREATE, UNFIT + CREATE),
], ids=["too small for RAM", "by its word", "does not fit"])  # fmt: skip
def test_a_window_for_tces_on_demand_is_not_held_against_ram(text: str) -> None:
    judge = judged(text)
    assert (judge.broken, judge.open, judge.judged) == ([], [], 0)
    assert record.verdict(judge) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("before", [PUT.format(OTHER, 0x1003, 0), REMOVE_DEFAULT])
def test_a_reset_that_may_be_of_the_windows_phb_is_open(before: str) -> None:
    judge = judged(TEXT.replace(QUERY, before + RESET.format(1) + QUERY, 1))
    assert not judge.broken and "is not known" in judge.open[0].message
    assert record.verdict(judge) is Verdict.INCONCLUSIVE


def test_a_refused_list_that_reaches_beyond_the_window_is_open() -> None:
    beyond = line(LIST).replace("ioba=0x8000000b0000000", "ioba=0x8000003f8000000").replace("ret=0", "ret=-4")
    judge = judged(TEXT.replace(line(LIST), line(LIST) + "\n" + beyond.replace("iobaN=0xf", "iobaN=0x7")))
    assert not judge.broken and "a refused call" in judge.open[0].message
    assert record.verdict(judge) is Verdict.INCONCLUSIVE


def test_a_window_that_only_a_query_with_six_outputs_allows_is_open_without_the_kernels_line() -> None:
    wide = TEXT.replace("requested=0x400000000", f"requested={1 << 31 + 24 + 1:#x}")
    assert record.verdict(judged(wide)) is Verdict.HOLDS
    judge = judged(wide.replace("ibm,query-pe", "query-pe"))
    assert not judge.broken and "six outputs" in judge.open[0].message
    assert record.verdict(judge) is Verdict.INCONCLUSIVE
    larger = wide.replace(f"requested={1 << 31 + 24 + 1:#x}", f"requested={1 << 62:#x}")
    assert "regions-inside-window" in judged(larger.replace("ibm,query-pe", "query-pe")).violations


def test_a_map_of_ram_that_hides_its_addresses_is_open() -> None:
    judge = judged(re.sub("[0-9a-f]{8}-[0-9a-f]{8} : System RAM", "00000000-00000000 : System RAM", TEXT))
    assert not judge.broken and "as root" in judge.open[0].message
    assert record.verdict(judge) is Verdict.INCONCLUSIVE


def test_a_damaged_line_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "record.txt"
    for damaged in (line(LIST)[:60], "spapr_iommu_pci_pu", "spapr_iommu_ddw_made liobn=0x1", NO_PAGE):
        file.write_text(f"{CREATE}\n{damaged}\n")
        assert main(["log", str(file)]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and f"{file}:2: " in said.err
