# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck explain`: the decision that a real platform took, each refusal with its reason, bad values."""

import pytest

from ddwcheck import BadInput, sizes
from ddwcheck.main import main


def explain(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """The report, with line breaks as blanks."""
    assert main(["explain", *arguments]) == code
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 100
    return " ".join(out.split())


def test_the_hybrid_function_of_the_sysfs_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    """Base 2^59, direct 128 GiB, dynamic 384 GiB at base + 0x2000000000, 2M pages, no default window."""
    out = explain(capsys, "--profile", "powervm-sriov", "--ram-max", "128G", "--block", "0x40000", "--vpmem")
    assert "0x0800000000000000 .. 0x0800001fffffffff 128 GiB direct region, 2M pages" in out
    assert "0x0800002000000000 .. 0x0800007fffffffff 384 GiB dynamic region, 2M pages" in out
    assert "default window: removed" in out
    assert "outcome: split window" in out
    assert "direct below bus_dma_limit 0x800002000000000" in out


def test_the_command_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--profile powervm-sriov --ram-max 64G --block 0x1000000 --pages 0x103 --vpmem --mask 64"
    out = explain(capsys, *words.split())
    for function in (
        "query_ddw()", "__remove_dma_window()", "iommu_get_page_shift()", "enable_ddw(), max_ram_len", "create_ddw()",
        "tce_setrange_multi_pSeriesLP()", "iommu_table_setparms_common()", "dma_iommu_dma_supported()",
    ):  # fmt: skip
        assert f"{function}: " in out
    assert "largest window 2^45 (32 TiB)" in out
    assert "order_base_2(0x1000000000) = 36" in out


def test_a_dedicated_adapter_keeps_its_default_window(capsys: pytest.CaptureFixture[str]) -> None:
    out = explain(capsys)
    assert "default window, 4K pages" in out
    assert "outcome: direct window" in out
    assert "accepted; bypass" in out


def test_ram_that_does_not_fit_makes_the_window_dynamic(capsys: pytest.CaptureFixture[str]) -> None:
    out = explain(capsys, "--ram-max", "2^40", "--block", "0x1000")
    assert "RAM does not fit: 2^40 > 2^33; the whole window is dynamic" in out
    assert "every mapping takes TCEs of a table" in out


def test_too_little_left_for_vpmem_makes_the_window_dynamic(capsys: pytest.CaptureFixture[str]) -> None:
    out = explain(capsys, "--profile", "powervm-sriov", "--block", "0x8000", "--vpmem")
    assert "is too little: the whole window is dynamic" in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--mask", "48"], "DDW is refused: limited addressing not offered: the mask has less than 64 bits"),
        (["--pages", "0x200"], "DDW is refused: no known page size: the page-size mask names no page size"),
        (["--profile", "powervm-sriov", "--pages", "0x200"], "reset_dma_window(): windows as at boot: SUCCESS"),
        (["--mask", "32"], "a mask of 32 bits reaches nothing above 4 GiB: DDW is not tried"),
    ],
)
def test_a_refusal_says_why(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = explain(capsys, *arguments)
    assert reason in out
    assert "default window, 4K pages" in out


def test_limited_addressing_puts_the_window_within_reach(capsys: pytest.CaptureFixture[str]) -> None:
    out = explain(capsys, "--profile", "powervm-sriov-limited", "--mask", "48")
    assert "limited_dma_window(): the mask has less than 64 bits: reset with limited addressing: SUCCESS" in out
    assert "0x0000000100000000 .. 0x00000010ffffffff 64 GiB direct region" in out


def test_a_release_rounds_the_block_up(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--block", "0x30000", "--ram-max", "2^39"]
    assert "largest window 2^38" in explain(capsys, *words)
    out = explain(capsys, *words, "--release", "6.12", code=1)
    assert "largest window 2^39" in out
    assert "rules of Linux 6.12" in out
    assert "DDW is refused: create failed" in out
    assert "BROKEN: enable-fails-clean" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mask", "65"], ["--mask", "0"], ["--mask", "x"], ["--mask", "-1"], ["--mask", "\u0664"],
        ["--pages", "0"], ["--pages", "0x100000000"], ["--pages", "some"],
        ["--ram-max", "0"], ["--ram-max", "1.5T"], ["--ram-max", "4K"], ["--ram-max", "2^52"], ["--ram-max", "2^99"],
        ["--block", "0"], ["--block", "-1"], ["--block", "0x1G"], ["--block", "99999999999999999999"],
        ["--profile", "vmware"], ["--release", "5.4"], ["--bogus"], ["--mask"], ["spare"],
    ],
)  # fmt: skip
def test_bad_values_are_one_line_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("ddwcheck: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [("64G", 1 << 36), ("64GiB", 1 << 36), ("0x1000000", 1 << 24), ("2^36", 1 << 36), ("512M", 1 << 29), ("7", 7)],
)
def test_sizes_are_read_as_people_write_them(text: str, value: int) -> None:
    assert sizes.parse(text, "size") == value


@pytest.mark.parametrize("text", ["", " 1", "1.5T", "-1", "64g", "0x", "2^", "2^64", "16E", "1_000", "\u0661", "G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="size"):
        sizes.parse(text, "size")


def test_sizes_are_written_as_people_read_them() -> None:
    assert [sizes.human(n) for n in (0, 5, 1 << 36, 2032 << 20)] == ["0 B", "5 B", "64 GiB", "2032 MiB"]
    assert [sizes.page(n) for n in (12, 16, 21, 34, 99)] == ["4K", "64K", "2M", "16G", "2^99-byte"]
