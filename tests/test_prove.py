# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck prove`: its verdicts and exit codes, what it keeps, and what a release loses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from ddwcheck import Verdict, page, page_files, prove
from ddwcheck.formats import ktap
from ddwcheck.main import main
from model.defects import RELEASES
from model.guest.kernel import Kernel
from proofs import cache, judged
from proofs.judged import Question, Row, row_of
from proofs.obligation import everything
from proofs.prover import Proof, Theorem
from proofs.prover import Verdict as Proved
from proofs.prover import prove as judge_proof
from proofs.release import kernel_of, reached, rule_in
from tests.test_formats import SCHEMA

CHEAP = "test_routing.py::no_handle_below_the_window_is_direct"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ddwcheck" / "proofs"


def rows_of(path: str = "r.json") -> dict[str, Any]:
    return {row["id"]: row for row in json.loads(Path(path).read_text())["obligations"]}


def row(key: str, verdict: Proved, complaints: tuple[str, ...] = ()) -> Row:
    return row_of(everything()[key], Proof(verdict), list(complaints))


def test_a_theorem_is_proved_once_and_its_row_kept(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["prove", CHEAP, "--report", "r.json", "--jobs", "1"]
    assert main(command) == 0
    first = rows_of()[CHEAP]
    assert "1 theorems: 1 PROVED" in capsys.readouterr().out
    assert first["mutants"]["below_the_end"]["verdict"] == "REFUTED"
    assert (first["cached"], len(list(own_cache.iterdir()))) == (False, 1)
    assert main(command) == 0
    assert rows_of()[CHEAP] == {**first, "cached": True}
    assert main([*command, "--no-cache"]) == 0
    assert not rows_of()[CHEAP]["cached"]


def test_a_release_loses_what_its_defect_breaks(capsys: pytest.CaptureFixture[str], own_cache: Path) -> None:
    lost = "test_routing.py::no_handle_behind_the_direct_part_is_direct"
    assert main(["prove", lost, "--release", "6.12", "--report", "r.json", "--jobs", "1"]) == 1
    found = rows_of()[lost]
    assert (found["verdict"], found["defects"], found["smallest"]) == ("REFUTED", ["unmap-by-offset-alone"], True)
    assert found["counterexample"]["direct_end"] == 1
    assert "lost by unmap-by-offset-alone" in capsys.readouterr().out
    assert not own_cache.exists()


def test_a_rule_that_a_release_does_not_run_is_not_judged() -> None:
    clip = "what_is_clipped_lies_below_the_limit"
    assert main(["prove", clip, "--release", "7.3", "--report", "r.json", "--jobs", "1"]) == 3
    assert [r["verdict"] for r in rows_of().values()] == [judged.NOT_RUN]


def test_the_reference_runs_every_rule_that_a_theorem_is_about() -> None:
    assert {o.key for o in everything().values() if o.about.__module__.startswith("model.guest")} <= {
        o.key for o in everything().values() if o.about in reached(Kernel)
    }


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_release_decides_in_another_way_is_known(release: str) -> None:
    kernel = kernel_of(release)
    missing = {o.about.__qualname__ for o in everything().values() if rule_in(kernel, o.about) is None}
    known = {"plan_window", "largest_window_shift"} if release == "6.1" else {"clip"}
    assert {name for name in missing if name in vars(Kernel)} == {"map_is_direct"} | known


def test_a_seed_reaches_z3_and_changes_no_verdict() -> None:
    known = everything()["test_sizing.py::the_window_has_no_more_tces_than_query_offers"]
    proofs = [judge_proof(Theorem(known.body, known.case, known.about, seed=seed)) for seed in (0, 1, 2)]
    assert {proof.verdict for proof in proofs} == {Proved.PROVED}
    assert len({proof.rlimit for proof in proofs}) > 1


@pytest.mark.parametrize(
    ("verdict", "complaints", "expected"),
    [
        (Proved.PROVED, (), Verdict.HOLDS),
        (Proved.PROVED, ("a mutant survives",), Verdict.INCONCLUSIVE),
        (Proved.REFUTED, ("REFUTED",), Verdict.VIOLATED),
        (Proved.VACUOUS, ("VACUOUS",), Verdict.INCONCLUSIVE),
        (Proved.UNKNOWN, ("UNKNOWN",), Verdict.INCONCLUSIVE),
        (Proved.ERROR, ("ERROR",), Verdict.INCONCLUSIVE),
    ],
)
def test_only_proved_without_a_complaint_is_green_and_kept(
    verdict: Proved, complaints: tuple[str, ...], expected: Verdict, tmp_path: Path
) -> None:
    rows = [row(CHEAP, Proved.PROVED), row(CHEAP, verdict, complaints)]
    assert prove.verdict(rows, False) is expected
    cache.store(tmp_path / "kept", "name", rows[1])
    assert (cache.load(tmp_path / "kept", "name") is not None) == (expected is Verdict.HOLDS)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"verdict": "REFUTED", "complaints": []}'])
def test_what_is_kept_but_says_nothing_is_proved_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "name.json").write_text(text)
    assert cache.load(tmp_path, "name") is None


def test_a_row_is_kept_for_the_sources_and_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    known, split = everything()[CHEAP], next(o for o in everything().values() if "test_split" in o.key)
    names = {cache.key(known, Question(seed=seed, release=r)) for seed in (0, 1) for r in ("reference", "6.1")}
    assert len({*names, cache.key(split, Question())}) == 5
    modules = {name for name, _ in cache.sources("proofs.test_split")}
    assert {"proofs.test_split", "proofs.prover", "proofs.symbolic", "model.guest.sizing", "model.words"} <= modules
    assert "proofs.test_pools" not in modules
    before = cache.key(known, Question())
    monkeypatch.setattr(cache, "sources", lambda root: frozenset({("proofs.test_routing", "another text")}))
    assert cache.key(known, Question()) != before


def test_a_theorem_left_out_of_a_full_run_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row(key, Proved.PROVED) for key in everything()]
    monkeypatch.setattr(prove, "run", lambda chosen, wish: (rows, False))
    assert main(["prove", "--report", "r.json"]) == 0
    assert json.loads(Path("r.json").read_text())["all"]
    left_out = rows.pop()["id"]
    capsys.readouterr()
    assert main(["prove", "--report", "r.json"]) == 3
    assert f"did not run: {left_out}" in capsys.readouterr().out
    assert not json.loads(Path("r.json").read_text())["all"]


def test_an_interrupted_run_keeps_what_was_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(todo: Any, wish: Any) -> Any:
        yield row(CHEAP, Proved.PROVED)
        raise KeyboardInterrupt

    monkeypatch.setattr(prove, "in_parallel", stopped)
    assert main(["prove", "--report", "r.json"]) == 3
    assert list(rows_of()) == [CHEAP]


def test_a_worker_that_fails_is_an_error() -> None:
    def body(c: Any) -> Any:
        """Nothing."""

    unknown = replace(everything()[CHEAP], body=body)
    wish = prove.Wish((), Question(), "r.json", False, 1)
    (answered,) = prove.in_parallel([unknown], wish)
    assert (answered["verdict"], prove.verdict([answered], False)) == ("ERROR", Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["no_such_theorem"],
        [CHEAP, "--release", "5.0"],
        [CHEAP, "--release", "6.12", "--second"],
        [CHEAP, "--report", "none/r.json"],
        [CHEAP, "--report", "."],
        [CHEAP, "--jobs", "0"],
    ],
)
def test_bad_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prove", *arguments]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert list(tmp_path.iterdir()) == []


LOST = "test_routing.py::no_handle_behind_the_direct_part_is_direct"


def test_what_is_refuted_is_a_folder_on_a_page_and_what_is_proved_is_none(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prove", LOST, CHEAP, "--release", "6.12", "--report", "r.json", "--jobs", "1", "--out", "out"]
    assert main(command) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "out/index.html"
    folder = Path("out") / LOST.split("::")[1]
    assert [path for path in Path("out").iterdir() if path.is_dir()] == [folder]
    report = (folder / "report.txt").read_text()
    assert max(map(len, report.splitlines())) <= 75 and report.isascii()
    for part in ("What is wrong", "First difference", "direct_end = 0x1 (1)", "What it takes", "It fails whenever", "Effect",
                 "Why", "Fixes: ff5163bb7000", "Class: undecided", "Replay: ddwcheck prove"):  # fmt: skip
        assert part in report
    leaf = page_files.leaf(folder)
    assert leaf.exhibit.finding.maps == () and leaf.exhibit.known == ("unmap-by-offset-alone",)
    ran = page_files.summary(Path("out/summary.json"))
    rows = {row.id: row.verdict for row in page.rows([leaf], ran)}
    assert rows == {LOST: "VIOLATED", CHEAP: "HOLDS"}  # an invariant that rests on a lost theorem need not be broken
    assert json.loads((folder / "values.json").read_text())["values"]["direct_end"] == 1


@pytest.mark.parametrize(
    ("verdict", "complaints", "said"),
    [
        (Proved.PROVED, (), "ok"),
        (Proved.PROVED, ("an assumption that is not needed",), "ERROR"),
        (Proved.REFUTED, (), "not ok"),
        (Proved.UNKNOWN, (), "ERROR"),
        (Proved.VACUOUS, (), "ERROR"),
        (Proved.ERROR, (), "ERROR"),
        (judged.NOT_RUN, (), "SKIP"),
    ],
)
def test_only_what_is_proved_without_complaint_passes_in_ktap(
    verdict: str, complaints: tuple[str, ...], said: str
) -> None:
    made = {**row(CHEAP, Proved.PROVED, complaints), "verdict": str(verdict)}
    wish = prove.Wish((), Question(), "r.json", False, 1)
    outcome = prove.judged_as(wish, [made], [], "")  # type: ignore[list-item]
    last = ktap.render(outcome).splitlines()[-1]
    assert said in last and last.startswith("ok") == (said in ("ok", "SKIP"))
    cut = prove.judged_as(wish, [made], [], "interrupted")  # type: ignore[list-item]
    assert said != "ok" or "ERROR interrupted" in ktap.render(cut)


def test_a_folder_that_cannot_be_made_is_one_line_before_anything_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("")
    assert main(["prove", CHEAP, "--report", "r.json", "--out", "taken/x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not Path("r.json").exists()


def test_each_theorem_is_a_check_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["prove", LOST, CHEAP, "--release", "6.12", "--report", "r.json", "--jobs", "1", "--format", "json"]
    assert main(command) == 1
    data = fastjsonschema.compile(SCHEMA)(json.loads(capsys.readouterr().out))
    assert {check["id"]: check["status"] for check in data["checks"]} == {LOST: "fail", CHEAP: "pass"}
    assert [finding["explained"] for finding in data["findings"]] == ["unmap-by-offset-alone"]
