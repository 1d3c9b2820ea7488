# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck log` on real logs, answers worked out by hand from enable_ddw(), and on logs that break a rule each."""

from pathlib import Path

import pytest

from ddwcheck.log_devices import group
from ddwcheck.log_files import lines
from ddwcheck.log_groups import groups
from ddwcheck.log_judge import Reading, judge
from ddwcheck.log_lines import read
from ddwcheck.main import main

VECTORS = Path(__file__).parent / "vectors" / "dmesg"
QUERY = "nvme 0524:28:00.0: ibm,query-pe-dma-windows(53) 280000 8000000 20000524 returned 0, lb=1000000 ps=103 wn=1"
CREATE = (
    "nvme 0524:28:00.0: ibm,create-pe-dma-window(54) 280000 8000000 20000524 15 25 returned 0 "
    "(liobn = 0x70000524 starting addr = 8000000 0)"
)
SKIPPING = "nvme 0524:28:00.0: Skipping ibm,pmemory"
CANNOT_MAP = "nvme 0524:28:00.0: can't map partition max 0x8000000000000 with 16777216 2097152-sized pages"
TABLE = "nvme 0524:28:00.0: created tce table LIOBN 0x70000524 for /pci@800000020000524/pci1014,683@0"
SUMMARY = "nvme 0524:28:00.0: lsa_required: 0, lsa_enabled: 0, direct mapping: 1"
LIMIT = "nvme 0524:28:00.0: iommu: 64-bit OK but direct DMA is limited by 800002000000000"
REMOVED = "nvme 0524:28:00.0: Removed default DMA window for /pci@800000020000524"
RESET = "nvme 0524:28:00.0: ibm,reset-pe-dma-windows(56) 280000 8000000 20000524 returned -1 "
REMOVE = (
    "/pci@800000020000524/pci1014,683@0: failed to remove DMA window: rtas returned -3 "
    "to ibm,remove-pe-dma-window(55) 70000524"
)


def readings_of(path: Path) -> list[Reading]:
    return [r for _, readings in judge(group(read(lines(str(path)), "log"))) for r in readings]


def meaning(path: Path) -> list[list[tuple[str, str, str]]]:
    """For each try: decision, window and hotplug range of each group."""
    return [[(g.decision.split(":")[0], g.window, g.hotplug) for g in groups(r.possible)] for r in readings_of(path)]


def write(tmp_path: Path, *text: str) -> str:
    file = tmp_path / "dmesg.log"
    file.write_text("".join(f"[    1.000000] {line}\n" for line in text))
    return str(file)


# Real logs


@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("*.log")))
def test_a_real_log_is_consistent_with_every_release(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", str(VECTORS / name)]) == 0
    out = capsys.readouterr().out
    assert "consistent with: the reference, Linux 6.1, Linux 6.12" in out
    assert "BROKEN" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_2m_direct() -> None:
    # ps=0x103 has bit 8: 2M. 0x1000000 TCEs of 2M are 2^45; wn=1 keeps the default. create asks for 0x25 = 37, less
    # than 45, so it is max_ram_len: order_base_2() of the hotplug maximum is 37.
    expected = [("direct", "2M pages, window 2^37 (128 GiB)", "(64 GiB, 128 GiB]")]
    assert meaning(VECTORS / "powervm-nvme-2m-direct.log") == [expected]


def test_vpmem_limited() -> None:
    # Page shift 0x10, window 0x21 = 33. The limit 0x800000200000000 is the base 0x800000000000000 plus 2^33.
    expected = [("direct with limit", "64K pages, window 2^33 (8 GiB)", "(4 GiB, 8 GiB]")]
    assert meaning(VECTORS / "powervm-nvme-vpmem-limited.log") == [expected]


def test_vpmem_dynamic() -> None:
    # 16777216 = 2^24 TCEs of 65536 are 2^40, what create asks for (0x28); RAM up to 0x8000000000000 = 2^51 is more.
    expected = [("dynamic", "64K pages, window 2^40 (1 TiB)", "(1 PiB, 2 PiB]")]
    assert meaning(VECTORS / "powervm-nvme-vpmem-dynamic.log") == [expected]
    (reading,) = readings_of(VECTORS / "powervm-nvme-vpmem-dynamic.log")
    assert "Linux 5.5 to 5.15 took 2^51" in reading.notes[0]


def test_query_only() -> None:
    # 2^24 TCEs: with ps=3 of 64K, 2^40; with ps=0x103 of 2M, 2^45. RAM beyond that makes the window dynamic.
    small = "64K pages, window 2^24 to 2^40, as large as RAM needs"
    large = "2M pages, window 2^24 to 2^45, as large as RAM needs"
    first = [("direct", small, "(8 MiB, 1 TiB]"), ("dynamic", "64K pages, window 2^40 (1 TiB)", "(1 TiB, 2 PiB]")]
    second = [("direct", large, "(8 MiB, 32 TiB]"), ("dynamic", "2M pages, window 2^45 (32 TiB)", "(32 TiB, 2 PiB]")]
    with_vpmem = [[("direct with limit", *group[0][1:]), group[1]] for group in (first, second)]
    assert meaning(VECTORS / "powervm-query-only.log") == [first + with_vpmem[0], second + with_vpmem[1]]


def test_qemu_virtio() -> None:
    # Window 0x20 = 32: RAM's, or all there is if the block has 2^16 TCEs of 64K; no vPMEM is said to be skipped, so
    # there is some only if the block makes 2^51 possible.
    direct, dynamic, limited = meaning(VECTORS / "qemu-virtio-64k.log")[0]
    assert direct == ("direct", "64K pages, window 2^32 (4 GiB)", "(2 GiB, 4 GiB]")
    assert dynamic == ("dynamic", "64K pages, window 2^32 (4 GiB)", "(4 GiB, 2 PiB]")
    assert limited[2] == "(2 GiB, 4 GiB]"
    found = groups(readings_of(VECTORS / "qemu-virtio-64k.log")[0].possible)
    assert (found[0].blocks[0], found[1].blocks, found[2].blocks[0]) == (1 << 16, (1 << 16,), 1 << 35)


def test_qemu_xhci() -> None:
    # One page of 16G (0x22 = 34). The reference rounds the direct part up to a page, so RAM may be less; Linux 6.12
    # asks for max_ram_len as it is, so it is 34.
    direct, dynamic, _ = meaning(VECTORS / "qemu-xhci-16g-pages.log")[0]
    assert direct == ("direct", "16G pages, window 2^34 (16 GiB)", "(8 MiB, 16 GiB]")
    assert dynamic == ("dynamic", "16G pages, window 2^34 (16 GiB)", "(16 GiB, 2 PiB]")
    (reading,) = readings_of(VECTORS / "qemu-xhci-16g-pages.log")
    assert groups(reading.others["6.12"])[0].hotplug == "(8 GiB, 16 GiB]"


# Logs made from them that are still right


def test_a_split_window_is_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The hybrid VF: 2^39 of 2M pages, direct 128 GiB, the default window given up.
    none_left = QUERY.replace("lb=1000000", "lb=40000").replace("wn=1", "wn=0")
    limit = LIMIT.replace("800002000000000", f"{(1 << 59) + (1 << 37):x}")
    text = (none_left, QUERY.replace("lb=1000000", "lb=40000"), SKIPPING, CREATE.replace("15 25", "15 27"), REMOVED)
    assert main(["log", write(tmp_path, *text, SUMMARY, limit)]) == 0
    out = capsys.readouterr().out
    assert "split: RAM is pre-mapped" in out
    assert "hotplug maximum in (64 GiB, 128 GiB]" in out


def test_a_window_rounded_up_is_one_of_linux(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 0x30000 TCEs of 2M: the reference rounds down to 2^38, order_base_2() rounds up to 2^39; the hypervisor refuses.
    failed = CREATE.replace("15 25 returned 0", "15 27 returned -3")
    text = (QUERY.replace("lb=1000000", "lb=30000"), CANNOT_MAP.replace("16777216", "196608"), failed)
    assert main(["log", write(tmp_path, *text)]) == 0
    out = capsys.readouterr().out
    assert "not the reference: line 3" in out
    assert "as Linux 6.1 does (plan-before-the-split)" in out


def test_a_query_that_fails_is_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", write(tmp_path, QUERY.replace("returned 0", "returned -1"))]) == 0
    assert "refused: query failed" in capsys.readouterr().out


def test_ordinary_lines_are_ignored(tmp_path: Path) -> None:
    text = ("nvme 0524:28:00.0: 16/0/0 default/read/poll queues", "EEH: Capable adapter", QUERY, "systemd[1]: hello")
    assert main(["log", write(tmp_path, *text)]) == 0


def test_a_second_function_shares_the_window(tmp_path: Path) -> None:
    assert main(["log", write(tmp_path, QUERY, CREATE, SUMMARY, SUMMARY.replace("00.0:", "00.1:"))]) == 0


def test_limited_addressing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create = CREATE.replace("addr = 8000000 0", "addr = 1 0")
    summary = SUMMARY.replace("lsa_required: 0, lsa_enabled: 0", "lsa_required: 1, lsa_enabled: 1")
    assert main(["log", write(tmp_path, QUERY, create, summary)]) == 0
    assert "hotplug maximum in (64 GiB, 128 GiB]" in capsys.readouterr().out


def test_the_worst_of_several_logs_decides(tmp_path: Path) -> None:
    bad = write(tmp_path, QUERY, CREATE.replace(" 15 25 ", " 18 25 "))
    assert main(["log", str(VECTORS / "powervm-nvme-2m-direct.log"), bad]) == 1


# One rule broken

BROKEN = {
    "page shift not offered": ((QUERY, CREATE.replace(" 15 25 ", " 18 25 ")), "which is not in query's mask 0x103"),
    "page shift unknown": ((CREATE.replace(" 15 25 ", " 11 25 "),), "which is none of DDW's"),
    "window too large": ((QUERY, CREATE.replace(" 15 25 ", " 15 2e ")), "query offers blocks of 0x1000000"),
    "window below a page": ((QUERY, CREATE.replace(" 15 25 ", " 15 14 ")), "less than one page of 2^21"),
    "window beyond 64 bits": ((CREATE.replace(" 15 25 ", " 15 40 "),), "beyond 64 bits"),
    "not the largest page": ((QUERY, CREATE.replace(" 15 25 ", " 10 25 ")), "would not ask for"),
    "create after no window": ((QUERY.replace("wn=1", "wn=0"), CREATE), "no window available"),
    "create after a failed query": ((QUERY.replace("returned 0", "returned -1"), CREATE), "query failed"),
    "wrong limit": ((QUERY, SKIPPING, CREATE, LIMIT.replace("2000000000", "3000000000")), "plus the RAM maximum"),
    "limit of a dynamic window": (
        (QUERY, SKIPPING, CANNOT_MAP, CREATE.replace(" 15 25 ", " 15 2d "), LIMIT), "but nothing is direct",
    ),
    "direct but not said": ((QUERY, CREATE, SUMMARY.replace("mapping: 1", "mapping: 0")), "contradicts the decision"),
    "dynamic but said": (
        (QUERY, SKIPPING, CANNOT_MAP, CREATE.replace(" 15 25 ", " 15 2d "), SUMMARY), "contradicts the decision",
    ),
    "fits after all": ((QUERY, CANNOT_MAP.replace("8000000000000", "200000000000"), CREATE), "contradicts the rest"),
    "other block": ((QUERY, CANNOT_MAP.replace("16777216", "4096"), CREATE), "a block of 0x1000 pages"),
    "other page": ((QUERY, CANNOT_MAP.replace("2097152", "65536"), CREATE), "65536-sized pages"),
    "query status": ((QUERY.replace("returned 0", "returned -2"),), "status -2 is none of ibm,query-pe-dma-window"),
    "create status": ((QUERY, CREATE.replace("returned 0", "returned 7")), "status 7 is none of ibm,create"),
    "create busy": ((QUERY, CREATE.replace("returned 0", "returned 9903")), "asks again while it is busy"),
    "remove status": ((QUERY, CREATE, REMOVE.replace("-3", "-2")), "status -2 is none of ibm,remove-pe-dma-window"),
    "remove of nobody's window": ((REMOVE.replace("-3", "5"),), "status 5 is none of ibm,remove-pe-dma-window"),
    "reset status": ((QUERY, RESET.replace("-1", "9900")), "status 9900 is none of ibm,reset-pe-dma-windows"),
    "other LIOBN": ((QUERY, CREATE, TABLE.replace("0x70000524", "0x70000525")), "create answered 0x70000524"),
    "table of no window": ((QUERY, CREATE.replace("returned 0", "returned -1"), TABLE), "create failed"),
    "address inside a page": ((QUERY, CREATE.replace("addr = 8000000 0", "addr = 8000000 1000")), "inside an I/O page"),
    "window over the end": ((QUERY, CREATE.replace("addr = 8000000 0", "addr = ffffffff ffe00000")), "beyond 64 bits"),
    "limited unasked": ((QUERY, CREATE, SUMMARY.replace("enabled: 0", "enabled: 1")), "though not required"),
    "not limited": ((QUERY, CREATE, SUMMARY.replace("required: 0", "required: 1")), "was not enabled"),
    "default removed in vain": ((QUERY, CREATE, REMOVED), "though query offered a window"),
    "other device's address": ((QUERY.replace(" 280000 ", " 2800 "),), "config_addr 0x2800 is not that of"),
    "in use and created": (
        (QUERY, "nvme 0524:28:00.0: current IOMMU table in use, can't be replaced.", CREATE), "cannot be here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = BROKEN[name]
    assert main(["log", write(tmp_path, *text)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "BROKEN RULE: " in out
    assert message in out
    assert "VIOLATED: hotplug maxima tried" in out


@pytest.mark.parametrize(
    "text",
    [
        (QUERY.split(", lb", maxsplit=1)[0],),  # an old kernel: the answer is not printed, and nothing comes of it
        (QUERY, SUMMARY),  # it ended without the create that it must ask for
        (SUMMARY,),
        (RESET,),
    ],
)
def test_what_the_log_leaves_open_is_said(
    text: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", write(tmp_path, *text)]) == 3
    assert "INCONCLUSIVE" in capsys.readouterr().out


# Bad input


@pytest.mark.parametrize("whole", [QUERY, CREATE, CANNOT_MAP, TABLE, SUMMARY, LIMIT, REMOVE, REMOVED, RESET.rstrip()])
def test_a_truncated_line_is_named_with_its_number(
    whole: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "ordinary line", whole.rsplit(maxsplit=1)[0])
    assert main(["log", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"ddwcheck: {path}:2: cannot read")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no line about DDW"),
        (b"[ 0.0] Linux version 6.12\n", "no line about DDW"),
        (b"\x7fELF\0\0\0\n", "binary"),
        (b"\xff\xfe\x00\n", "not UTF-8"),
        (b"x" * 100_000, "longer than"),
        (QUERY.replace("nvme 0524:28:00.0: ", "").encode(), "no device before"),
        (QUERY.replace("8000000 ", "8000000800000008 ").encode(), "cannot read"),
    ],
)
def test_bad_files_are_one_line_on_stderr(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.log"
    file.write_bytes(content)
    assert main(["log", str(VECTORS / "powervm-nvme-2m-direct.log"), str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ddwcheck: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["log"], ["log", "/nonexistent"], ["log", "/"], ["log", "a\0b"], ["log", "--x"]])
def test_bad_usage_is_one_line_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("ddwcheck: ")


def test_a_line_break_in_a_name_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "no\nsuch\nfile"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
