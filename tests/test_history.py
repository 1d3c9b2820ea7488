# SPDX-License-Identifier: GPL-2.0-or-later
"""Every DDW bug of the history is caught again by its trace, by what it names; a wrong entry, search or folder is seen."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import history
from ddwcheck import Verdict, defects
from ddwcheck.defects import Row, Wish
from ddwcheck.hunted import Found, hunt
from ddwcheck.main import main
from history import Bug, bugs, catalogue
from history.not_covered import NOT_COVERED
from model.defects import catalogue as model_defects
from model.events import Unmap
from model.interfaces import Crash
from model.trace import Trace
from proofs.prover import Verdict as Proved
from tests.test_docs import example

BUGS = catalogue()
IN_USE, SLOW = BUGS["default-in-use-is-removed"], BUGS["vpmem-makes-ram-endless"]


@pytest.mark.parametrize("name", BUGS)
def test_the_bug_is_caught_by_what_it_names(name: str) -> None:
    assert Row.of(BUGS[name]).wrong == ""


def without(trace: Trace, number: int) -> Trace:
    return replace(trace, steps=trace.steps[:number] + trace.steps[number + 1 :])


@pytest.mark.parametrize("name", BUGS)
def test_no_event_of_its_trace_can_be_left_out(name: str) -> None:
    bug = BUGS[name]
    shorter = [replace(bug, trace=without(bug.trace, number)) for number in range(len(bug.trace.steps))]
    assert all(Row.of(other).wrong for other in shorter)


WRONG = {
    "another invariant": (
        replace(IN_USE, defect=replace(IN_USE.defect, breaks="route-agrees")), "mapping-translates, not route-agrees",
    ),
    "none, though it breaks one": (
        replace(IN_USE, defect=replace(IN_USE.defect, breaks=None)), "mapping-translates, not nothing",
    ),
    "an invariant that it does not break": (
        replace(SLOW, defect=replace(SLOW.defect, breaks="ram-covered")), "nothing, not ram-covered",
    ),
    "the right rule": (
        replace(SLOW, defect=replace(SLOW.defect, by=SLOW.defect.replaces)), "it does what the reference does",
    ),
    "an event that cannot happen": (
        replace(IN_USE, trace=history.trace(IN_USE.trace.profile, IN_USE.trace.lpar, Unmap(0))), "the trace",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_entry_is_seen_and_fails_the_record(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bug, why = WRONG[what]
    monkeypatch.setattr(history, "catalogue", lambda: {bug.defect.id: bug})
    assert main(["defects"]) == 1
    said = capsys.readouterr().out
    assert f"NOT CAUGHT {bug.defect.id}" in said and why in " ".join(said.split())


def test_a_trace_that_the_reference_fails_on_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defects, "Kernel", type(Row.of(IN_USE).shown.run.guest))  # type: ignore[union-attr]
    assert Row.of(IN_USE).wrong == "the reference breaks mapping-translates"


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file beside those of the history."""
    monkeypatch.setattr(bugs, "__path__", [*bugs.__path__, str(tmp_path)])
    catalogue.cache_clear()
    yield tmp_path / "one_more.py"
    catalogue.cache_clear()
    sys.modules.pop(f"{bugs.__name__}.one_more", None)


def of_the_page() -> str:
    text = (Path(__file__).parent.parent / "docs" / "extending.md").read_text()
    return text.partition("```python bug\n")[2].partition("```")[0]


def test_a_bug_is_one_file_and_nothing_else(one_more: Path) -> None:
    one_more.write_text(of_the_page())
    assert set(catalogue()) - set(BUGS) == {"sizes-below-io-page"}
    assert main(["defects", "sizes-below-io-page"]) == 0


def test_two_defects_of_one_id_are_refused(one_more: Path) -> None:
    other = "defect=replace(sizes_below_io_page.DEFECT, by=None)"
    one_more.write_text(of_the_page().replace("defect=sizes_below_io_page.DEFECT", other))
    with pytest.raises(ValueError, match="one id"):
        catalogue()


def test_the_bug_of_the_page_on_adding_one_is_caught() -> None:
    bug: Bug = example("bug")["BUG"]
    assert Row.of(bug).wrong == ""


def test_commits_are_named_and_nothing_is_in_both_lists() -> None:
    for bug in BUGS.values():
        assert re.fullmatch(r"[0-9a-f]{12}", bug.fixed) and re.fullmatch(r"([0-9a-f]{12})?", bug.introduced)
        assert re.fullmatch(r"20\d\d(-\d\d){1,2}", bug.date)
    fixes = [bug.fixed for bug in BUGS.values()]
    left_out = [one.commit for one in NOT_COVERED]
    assert len(set(fixes)) == len(fixes) and not set(fixes) & set(left_out)
    assert all(one.why for one in NOT_COVERED)


def test_each_file_is_named_like_its_defect() -> None:
    files = {path.stem for path in Path(bugs.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in BUGS}


def test_a_search_finds_what_breaks_what_it_names_and_gives_up_on_the_rest() -> None:
    defect = BUGS["config-address-is-shifted"].defect
    found = hunt(defect, 0, 60)
    assert found is not None and found.steps > 0
    assert hunt(defect, 0, 60)[:1] == found[:1]  # type: ignore[index]
    assert hunt(replace(defect, breaks="route-agrees"), 0, 0.2) is None


def test_a_crash_at_boot_is_found_by_a_search_for_crashes() -> None:
    crashes = model_defects()["first-table-is-not-optional"]

    def never(*_: object) -> None:
        raise Crash("no memory")

    assert hunt(replace(crashes, by=never), 0, 60) is not None
    assert hunt(replace(crashes, by=never, breaks="route-agrees"), 0, 0.2) is None


def test_a_search_that_gives_up_each_time_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defects, "hunt", lambda *_: None)
    assert defects.record(Wish([IN_USE.defect.id], seeds=2))[1] is Verdict.INCONCLUSIVE


def test_medians_are_over_all_searches() -> None:
    assert defects.searched([Found(9, 9.0), None, Found(1, 1.0)]) == ["2 of 3", "9", "9.0"]
    assert defects.searched([Found(9, 9.0), None]) == ["1 of 2", "-", "-"]
    assert defects.searched([]) == ["-", "-", "-"]


def test_ctrl_c_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_defect: object, number: int, _patience: float) -> Found:
        if number:
            raise KeyboardInterrupt
        return Found(12, 3.4)

    monkeypatch.setattr(defects, "hunt", interrupted)
    assert main(["defects", IN_USE.defect.id, "--seeds", "2"]) == 3
    said = capsys.readouterr().out
    assert re.search(r"1 of 1 +12 +3\.4", said) and said.endswith("interrupted\n")


def test_a_theorem_about_its_rule_refutes_it(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = [Row.of(BUGS["stuff-without-limit"])]
    (theorem,) = [defects.asked(row.bug, obligation) for obligation in defects.about(row.bug)]
    assert theorem.verdict is Proved.REFUTED
    right = replace(row.bug, defect=replace(row.bug.defect, by=row.bug.defect.replaces))
    assert [defects.asked(right, one).verdict for one in defects.about(right)] == [Proved.PROVED]


def test_its_counterexample_is_a_folder_that_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["defects", IN_USE.defect.id, SLOW.defect.id, "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [IN_USE.defect.id]
    folder = str(tmp_path / IN_USE.defect.id)
    assert main(["replay", folder]) == 1
    assert main(["replay", folder, "--fixed-defects", "all"]) == 0


@pytest.mark.parametrize("arguments", [["no-such-bug"], ["--seeds", "x"], ["--out", "/dev/null/x"]], ids=str)
def test_bad_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["defects", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
