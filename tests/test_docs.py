# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/ is true: commands come out as shown, files and options that are named exist, examples of code do what is said."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ddwcheck.formats import json as as_json
from ddwcheck.main import main
from ddwcheck.outcome import Status
from model.defects import Defect, apply
from model.events import SetMask, Step
from model.guest.kernel import Kernel
from model.invariants import INVARIANTS
from model.profiles import POWERVM_DEDICATED, Profile, simple_lpar
from model.run import InvariantBroken, Run
from model.types import GIB, DmaMask
from tests import docs
from tests.docs import PAGES, ROOT, Command, Ran

README = ROOT / "README.md"
EVERY = [*PAGES, README, ROOT / "FINDINGS.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_need_nothing_come_out_as_shown(page: Path, tmp_path: Path) -> None:
    todo = docs.commands(page.read_text(), ["console"])
    for command, ran in zip(todo, docs.run(todo, tmp_path), strict=True):
        assert docs.missing(command, ran) is None, f"{command.line}\n{ran.said}"


def test_what_does_not_come_out_is_seen() -> None:
    said = Ran(0, "one\ntwo  three\nfour\n")
    assert docs.missing(Command("x", ("one", "two three", "...", "fo ... zz")), said) == "zz"
    assert docs.missing(Command("x", ("one", "two three four")), said) is None
    assert docs.missing(Command("x", ("four", "one")), said) == "one"
    assert docs.missing(Command("x", ("one",)), Ran(1, "one")) == "exit 1"


def test_a_shell_runs_all_commands_and_knows_their_codes(tmp_path: Path) -> None:
    todo = [Command("A=1; false", ()), Command("echo $A; ddwcheck --help", ())]
    (one, other) = docs.run(todo, tmp_path)
    assert one.code == 1 and other.code == 0
    assert other.said.split()[:3] == ["1", "Usage:", "ddwcheck"]


def test_every_block_of_commands_is_of_a_kind_that_something_runs() -> None:
    for page in PAGES:
        kinds = set(re.findall(r"^```(console.*)$", page.read_text(), re.M))
        assert kinds <= {"console", "console kernel", "console make"}


def test_targets_of_make_are_there_and_part_of_the_whole_check() -> None:
    makefile, whole = (ROOT / "Makefile").read_text(), (ROOT / ".ci" / "run").read_text()
    for page in PAGES:
        for command in docs.commands(page.read_text(), ["console make"]):
            assert re.search(rf"^{command.line.split()[1]}:", makefile, re.M) and command.line in whole


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
def test_links_and_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []
    top = "|".join(re.escape(entry.name) for entry in ROOT.iterdir() if entry.is_dir() and entry.name[0] != ".")
    named = re.findall(rf"`((?:{top})/[\w./-]*)`", text)
    made = ("counterexamples/", "findings/", "build/", "proofs/report.json")
    there = [name for name in named if not name.startswith((*made, "arch/"))]
    assert page.name == "FINDINGS.md" or [name for name in there if not (ROOT / name).exists()] == []


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_links_into_pages_have_their_heading() -> None:
    for page in EVERY:
        for file, anchor in re.findall(r"\]\(([^)#]*)#([^)]*)\)", page.read_text()):
            assert anchor in anchors((page.parent / file if file else page).read_text())


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.name)
def test_options_that_are_named_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb, rest in re.findall(r"ddwcheck ([a-z]+)([^`\n]*)", page.read_text()):
        if main([verb, "--help"]) != 0:
            continue
        known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out.partition("Examples:")[0]))
        own = re.split(r" #|[;,|>]", rest)[0]
        assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]+", own)) <= known, (verb, own)


def test_every_page_is_linked_from_the_readme() -> None:
    assert set(re.findall(r"\(docs/(\w+\.md)\)", README.read_text())) == {page.name for page in PAGES}


def example(kind: str) -> dict[str, Any]:
    """The names that the example of docs/extending.md of one kind defines."""
    (code,) = docs.blocks((ROOT / "docs" / "extending.md").read_text(), f"python {kind}")
    names: dict[str, Any] = {}
    exec(compile(code, f"docs/extending.md, {kind}", "exec"), names)
    return names


OPEN = SetMask(0, DmaMask((1 << 64) - 1))


def broken(guest: Any = Kernel, profile: Profile = POWERVM_DEDICATED) -> set[str]:
    run = Run(profile, simple_lpar(4 * GIB), guest)
    try:
        run.step(Step(OPEN))
    except InvariantBroken as why:
        return {violation.invariant for violation in why.violations}
    return set()


def test_the_defect_of_the_page_breaks_what_it_names() -> None:
    defect: Defect = example("defect")["DEFECT"]
    assert not broken()
    assert defect.breaks in broken(apply(Kernel, [defect]))


@pytest.fixture
def invariants_as_before() -> Iterator[None]:
    before = dict(INVARIANTS)
    yield
    INVARIANTS.clear()
    INVARIANTS.update(before)


@pytest.mark.usefixtures("invariants_as_before")
def test_the_invariant_of_the_page_is_applied_and_can_fail() -> None:
    names = example("invariant")
    assert "at-most-two-windows" in INVARIANTS and not broken()
    names["at_most_two_windows"].__globals__["max"] = lambda counts: 1 + max(counts)
    assert "at-most-two-windows" in broken()


def test_the_profile_of_the_page_is_a_platform() -> None:
    assert not broken(profile=example("profile")["SMALL"])


def test_the_page_of_formats_names_every_field_and_status() -> None:
    text = (ROOT / "docs" / "formats.md").read_text()
    schema = (ROOT / "ddwcheck" / "formats" / "outcome.schema.json").read_text()
    named = set(re.findall(r"`(\w+)`", text))
    assert set(re.findall(r'^ {2,5}"(\w+)": \{', schema, re.M)) - {"check", "finding", "properties"} <= named
    assert {status.value for status in Status} <= named
    assert as_json.VERSION == 1 and '"const": 1' in schema
