# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck page`: folders that are counterexamples, and those that are none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ddwcheck import campaign, page_files, report
from ddwcheck.campaign import BadCampaign, Campaign, Machine
from ddwcheck.main import main
from model.defects import apply, catalogue
from model.events import Map, SetMask, Step, Unmap
from model.guest.kernel import Kernel
from model.profiles import POWERVM_SRIOV, simple_lpar
from model.run import InvariantBroken, Run
from model.types import GIB, Direction, DmaMask, PhysAddr, Span

DEFECT = "unmap-by-offset-alone"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A counterexample as it is written when it is found."""
    run = Run(POWERVM_SRIOV, simple_lpar(64 * GIB, vpmem=64 * GIB), apply(Kernel, [catalogue()[DEFECT]]))
    vpmem = run.lpar.vpmem[0].start
    page = Span(vpmem, PhysAddr(vpmem + 4096))
    events = (SetMask(0, DmaMask((1 << 64) - 1)), Map(0, page, Direction.TO_DEVICE), Unmap(0))
    with pytest.raises(InvariantBroken) as broken:
        for event in events:
            run.step(Step(event))
    folder = tmp_path_factory.mktemp("kept") / "leak"
    return report.write(folder, run, broken.value.violations, "reference", [DEFECT], "a <test>")


def copied(example: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    for file in example.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def test_a_counterexample_has_its_page_from_the_beginning(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (example / "index.html").read_text()
    assert "a &lt;test&gt;" in before and "is_direct_handle()" in before
    (example / "index.html").unlink()
    assert main(["page", str(example)]) == 0
    assert capsys.readouterr().out == f"{example / 'index.html'}\n"
    assert (example / "index.html").read_text() == before


def test_a_folder_of_counterexamples_is_one_page_with_what_was_run(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        copied(example, tmp_path / "set" / name)
    (tmp_path / "set" / "beside").mkdir()
    ran = Campaign("ran", machines=(Machine("life", 7, 77, 7.5),))
    (tmp_path / "set" / "summary.json").write_text(json.dumps(campaign.to_json(ran)))
    assert main(["page", str(tmp_path / "set")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{tmp_path / 'set' / 'beside'}: no finding.json, left out", str(tmp_path / "set" / "index.html")]
    text = (tmp_path / "set" / "index.html").read_text()
    assert text.count('<details class="finding"') == 2 and ">77<" in text
    assert (
        main(["page", str(tmp_path / "set" / "one"), str(tmp_path / "set" / "two"), "-o", str(tmp_path / "p.html")])
        == 0
    )
    assert (tmp_path / "p.html").read_text().count('<details class="finding"') == 2


def test_a_summary_is_kept_as_it_was() -> None:
    ran = Campaign(
        "t", ("l",), (Machine("m", 1, 2, 3.5),), {"i": 4}, (campaign.Goals("f", 5, ("g",), False),), ("b",), "o"
    )
    assert campaign.from_json(json.loads(json.dumps(campaign.to_json(ran)))) == ran
    damages: list[Any] = [
        {},
        {"ddwcheck_summary": 2},
        {"ddwcheck_summary": 1},
        campaign.to_json(ran) | {"machines": [{"name": 1}]},
        [],
    ]
    for damage in damages:
        with pytest.raises(BadCampaign):
            campaign.from_json(damage)


Damage = Callable[[dict[str, Any]], object]
DAMAGES: dict[str, Damage] = {
    "not a finding": lambda data: data.pop("ddwcheck_finding"),
    "version": lambda data: data.update(ddwcheck_finding=99),
    "lacks": lambda data: data.pop("effect"),
    "is no text": lambda data: data.update(effect=5),
    "is no list": lambda data: data.update(why="because"),
    "a map names": lambda data: data["maps"][0].update(areas=[10_000]),
    "is no range": lambda data: data["bands"][0].__setitem__(1, "0xffffffffffffffffffffffff"),
    "out of place": lambda data: data["areas"][0].__setitem__(0, "TCE"),
    "is not in": lambda data: data["offence"].__setitem__(0, "0x0"),
    "maps up to step": lambda data: data.update(number=77),
    "'CLOUD'": lambda data: data["areas"][0].__setitem__(0, "CLOUD"),
    "unpack": lambda data: data.update(areas=[[1]]),
}  # fmt: skip


@pytest.mark.parametrize("said", DAMAGES)
def test_a_damaged_finding_is_one_line_and_no_page(
    example: Path, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(example, tmp_path / "damaged")
    (folder / "index.html").unlink()
    data = json.loads((folder / "finding.json").read_text())
    DAMAGES[said](data)
    (folder / "finding.json").write_text(json.dumps(data))
    assert main(["page", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and said in err and "finding.json" in err
    assert not list(folder.glob("*index.html*"))


@pytest.mark.parametrize("name", ["trace.json", "finding.json", "report.txt"])
def test_a_folder_that_lacks_a_part_is_no_counterexample(
    example: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(example, tmp_path / "part")
    (folder / name).unlink()
    assert main(["page", str(folder), "-o", str(tmp_path / "out.html")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and name in err
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize("name", ["trace.json", "finding.json", "summary.json"])
@pytest.mark.parametrize("junk", [b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"{}", b"7"])
def test_junk_in_place_of_data_is_one_line(
    example: Path, name: str, junk: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(example, tmp_path / "set" / "junk")
    (folder.parent / name if name == "summary.json" else folder / name).write_bytes(junk)
    assert main(["page", str(folder.parent)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (folder.parent / "index.html").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["/nonexistent"], ["a\0b"], ["{empty}"], ["{one}", "{one}"], ["{one}", "-o", "{empty}"],
                  ["{one}", "-o", "{empty}/no/such/place.html"]],
)  # fmt: skip
def test_bad_usage_is_one_line(
    example: Path, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [argument.replace("{empty}", str(tmp_path)).replace("{one}", str(example)) for argument in arguments]
    assert main(["page", *given]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_page_of_a_run_has_only_what_that_run_found(example: Path, tmp_path: Path) -> None:
    copied(example, tmp_path / "of-an-older-run")
    index = page_files.keep(tmp_path, Campaign("ran", checks={"ram-covered": 3}), [copied(example, tmp_path / "new")])
    text = index.read_text()
    assert text.count('<details class="finding"') == 1 and page_files.summary(tmp_path / "summary.json").checks
