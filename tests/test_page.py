# SPDX-License-Identifier: GPL-2.0-or-later
"""`index.html` in a real browser: it works from a file, by keyboard and without a network, and runs no foreign word."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from ddwcheck import exhibit, page
from ddwcheck.bus_map import Area, Band, BusMap
from ddwcheck.campaign import Campaign, Goals, Machine
from ddwcheck.exhibit import Exhibit, Told
from ddwcheck.page import KEYS, Leaf
from model.invariants import INVARIANTS
from tests import browser, pages

LEAVES = {leaf.name: leaf for leaf in pages.kept()}
ONE = LEAVES["unmap-releases"]
UNCHECKED = "kexec-keeps-running"
"""An invariant that nothing was checked for."""
RAN = Campaign(
    "random state machines, seed 7", ("ran and ran",), (Machine("life anything", 400, 20_000, 61.5),),
    dict.fromkeys(INVARIANTS, 12_345) | {UNCHECKED: 0},
    (Goals("life", 3, ("the moon",)), Goals("sweep", 0, (), judged=False)),
    ("mappings-disjoint",),
)  # fmt: skip
LARGEST = 20_000_000
"""Bytes that a page of a thousand findings may have."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; without one the tests fail."""
    try:
        with browser.chromium() as started:
            yield started
    except browser.NotInstalled as missing:
        raise pytest.fail.Exception(str(missing), pytrace=False) from None


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page.write(tmp_path_factory.mktemp("campaign") / "index.html", list(LEAVES.values()), RAN)


@pytest.fixture
def opened(chromium: Browser, campaign: Path) -> Iterator[Page]:
    """The page of a campaign, on which nothing goes wrong."""
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(campaign.as_uri())
        yield shown
        assert wrong == []


def shown_findings(shown: Page) -> list[str]:
    return shown.locator(".finding:visible > summary code").all_text_contents()


def test_a_browser_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(browser.NotInstalled, match="apt-get install chromium"), browser.chromium():
        pass


def test_the_page_says_what_was_run_and_what_held(opened: Page) -> None:
    assert opened.title() == "ddwcheck: random state machines, seed 7"
    assert "life anything\t400\t20,000\t61.5" in opened.locator("main").inner_text()
    rows = {row.split("\t")[0]: row for row in opened.locator(".invariants tbody tr").all_inner_texts()}
    assert set(INVARIANTS) <= set(rows)
    assert "VIOLATED\t12,345\t1\t" in rows["unmap-releases"]
    assert "VIOLATED\t12,345\t0\t" in rows["mappings-disjoint"]  # the campaign knows it without a folder
    assert "HOLDS\t12,345\t0\t" in rows["regions-disjoint"]
    assert "INCONCLUSIVE\t0\t0\t" in rows[UNCHECKED] and "never checked" in rows[UNCHECKED]
    said = opened.locator("section", has=opened.locator("#goals")).inner_text()
    assert "life: 2 of 3 seen" in said and "not seen: the moon" in said and "sweep: not judged" in said


def test_what_was_not_checked_or_not_ended_does_not_hold() -> None:
    never = {row.id: row.verdict for row in page.rows([], replace(RAN, checks={}))}
    short = {row.id: row.verdict for row in page.rows([], replace(RAN, open="interrupted"))}
    folders = {row.id: row.verdict for row in page.rows([ONE], None)}
    assert {verdict for name, verdict in never.items() if name != "mappings-disjoint"} == {"INCONCLUSIVE"}
    assert {verdict for name, verdict in short.items() if name != "mappings-disjoint"} == {"INCONCLUSIVE"}
    assert {name for name, verdict in folders.items() if verdict == "VIOLATED"} == {"unmap-releases", *ONE.exhibit.also}
    assert "HOLDS" not in folders.values()
    also = {row.id: row for row in page.rows([ONE._replace(exhibit=replace(ONE.exhibit, also=("route-agrees",)))], RAN)}
    assert (also["route-agrees"].verdict, also["route-agrees"].findings) == ("VIOLATED", 0)
    crashed = next(row for row in page.rows([], replace(RAN, broken=("guest-crash",))) if row.id == "guest-crash")
    assert crashed.verdict == "VIOLATED" and crashed.sentence == "The guest must not crash."
    assert "guest-crash" not in never


@pytest.mark.parametrize("key", KEYS)
def test_findings_are_filtered_and_grouped(opened: Page, key: str) -> None:
    assert len(shown_findings(opened)) == len(LEAVES)
    for value in sorted({value for leaf in LEAVES.values() for value in KEYS[key](leaf.exhibit)})[:3]:
        expected = sorted(name for name, leaf in LEAVES.items() if value in KEYS[key](leaf.exhibit))
        opened.select_option(f"[data-key={key}]", value)
        assert sorted(shown_findings(opened)) == expected
        assert opened.locator("output").inner_text() == f"{len(expected)} of {len(LEAVES)} shown"
    opened.get_by_role("button", name="Show all").click()
    opened.select_option("[data-group]", key)
    groups = {", ".join(KEYS[key](leaf.exhibit)) for leaf in LEAVES.values()}
    heads = [re.sub(r" \d+$", "", head) for head in opened.locator("h3:visible").all_inner_texts()]
    assert heads == sorted(groups) and len(shown_findings(opened)) == len(LEAVES)


def test_findings_are_found_by_their_words_and_from_the_table(opened: Page) -> None:
    opened.fill("[data-words]", "RESET_dma_window")
    told = {name: f"{leaf.exhibit.functions} {leaf.report}".lower() for name, leaf in LEAVES.items()}
    assert sorted(shown_findings(opened)) == sorted(name for name, text in told.items() if "reset_dma_window" in text)
    opened.fill("[data-words]", "no such word")
    assert shown_findings(opened) == [] and opened.locator("h3:visible").count() == 0
    opened.get_by_role("button", name="Show all").click()
    opened.locator("[data-show=ram-covered]").click()
    assert shown_findings(opened) == ["ram-covered"]


def test_a_finding_is_stepped_through_by_keyboard_alone(chromium: Browser, tmp_path: Path) -> None:
    path = page.write(tmp_path / "index.html", [ONE])
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        reached = list[str]()
        while not reached or reached[-1] != "li":
            shown.keyboard.press("Tab")
            reached.append(shown.evaluate("document.activeElement.closest('li, summary, p, a').localName"))
            assert len(reached) < 10
            assert shown.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        last = len(ONE.exhibit.steps)
        assert step_of(shown) == last
        held = {last: ["mapping 0"], last - 1: ["mapping 0", "mapping 1"], 0: []}
        for key, number in (
            ("ArrowUp", last - 1),
            ("ArrowDown", last),
            ("End", last),
            ("ArrowDown", last),
            ("Home", 0),
        ):
            shown.keyboard.press(key)
            assert (
                step_of(shown)
                == number
                == shown.evaluate("[...document.querySelectorAll('.steps button')].indexOf(document.activeElement)")
            )
            boxes = shown.locator("figure .map:not([hidden]) rect.handle > title").all_text_contents()
            assert [text.partition(":")[0] for text in boxes if text] == held[number]
        assert wrong == []


def step_of(shown: Page) -> int:
    """The step that is marked in the list, which is also the one that the map tells of."""
    number = int(shown.evaluate("[...document.querySelectorAll('.steps li')].findIndex(li => li.matches('.now'))"))
    assert shown.locator("[aria-current=step]").count() == 1
    label = shown.locator("figure .map").first.get_attribute("aria-label") or ""
    assert label.startswith(f"Map after step {number}:" if number else "Map after boot:")
    return number


def test_each_step_says_what_changes_on_the_map(chromium: Browser, tmp_path: Path) -> None:
    path = page.write(tmp_path / "index.html", [ONE])
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        caption = shown.locator("figcaption")
        assert caption.inner_text() == "- a driver holds 0x400000000 (16 MiB) at bus 0x61000000, mapping 1"
        assert shown.locator("figure rect.mark").count() == 2  # of the map, and of its legend
        shown.get_by_role("button", name="Back").click()
        assert caption.inner_text().splitlines() == [
            "+ the device reaches 0x400000000 (16 MiB) at bus 0x61000000, TCEs",
            "+ a driver holds 0x400000000 (16 MiB) at bus 0x61000000, mapping 1",
        ]
        new = shown.locator("figure .map .new > title").all_text_contents()
        assert {text.partition(":")[0] for text in new if text} == {"TCEs", "mapping 1"}
        assert "H_PUT_TCE_INDIRECT" in shown.locator(".steps li.now pre").inner_text()
        assert shown.locator(".steps pre:visible").count() == 1
        assert wrong == []


def test_mail_text_and_command_are_copied(chromium: Browser, tmp_path: Path) -> None:
    path = page.write(tmp_path / "index.html", [ONE])
    with browser.looked_at(chromium) as (shown, wrong):
        shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown.goto(path.as_uri())
        for button, text in (("Copy mail text", ONE.report), ("Copy replay command", ONE.exhibit.command)):
            shown.get_by_role("button", name=button).click()
            shown.get_by_text("Copied.").wait_for()
            assert shown.evaluate("navigator.clipboard.readText()") == text
        shown.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
        shown.get_by_role("button", name="Copy mail text").click()
        shown.get_by_text("Selected").wait_for()
        assert shown.evaluate("getSelection().toString()").strip() == ONE.report.strip()
        assert wrong == []


HOSTILE = (
    "</script></pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>&amp;<!--{{ 7*7 }}"
)


def hostile(leaf: Leaf) -> Leaf:
    """The finding with the same evil words in each text that it has."""
    it = leaf.exhibit
    words: dict[str, object] = {
        field.name: HOSTILE if field.name in exhibit.WORDS else (HOSTILE, f"\x00\x1b\ud800{HOSTILE}")
        for field in fields(Exhibit)
        if field.name not in ("steps", "finding")
    }
    steps = tuple(Told(HOSTILE, (HOSTILE,), (HOSTILE, HOSTILE)) for _ in it.steps)
    maps = tuple(
        BusMap(
            tuple(Area(area.lane, area.span, HOSTILE, area.there, HOSTILE) for area in one.areas),
            tuple(Band(band.lane, band.bus, band.memory, f"{HOSTILE}\n{HOSTILE}") for band in one.bands),
        )
        for one in it.finding.maps
    )
    offence = it.finding.offence and it.finding.offence._replace(what=HOSTILE)
    finding = it.finding._replace(maps=maps, offence=offence)
    return Leaf(HOSTILE, replace(it, **words, steps=steps, finding=finding), HOSTILE)  # type: ignore[arg-type]


@pytest.mark.parametrize("guarded", [True, False])
def test_no_word_of_a_log_or_a_tree_becomes_markup(chromium: Browser, guarded: bool, tmp_path: Path) -> None:
    """guarded: with the policy that would stop a script even if something were not escaped; without it nothing may run."""
    ran = Campaign(
        HOSTILE, (HOSTILE,), (Machine(HOSTILE, 1, 1, 1.0),), {}, (Goals(HOSTILE, 1, (HOSTILE,)),), (HOSTILE,), HOSTILE
    )
    text = page.html([hostile(ONE), hostile(ONE)], ran)
    path = tmp_path / "index.html"
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    assert policy.search(text)
    path.write_text(text if guarded else policy.sub("", text), errors="replace")
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        for summary in shown.locator(".finding > summary").all():
            summary.click()
        shown.locator(".steps button").first.click()
        shown.select_option("[data-key=class]", HOSTILE)
        shown.select_option("[data-group]", "class")
        assert shown.title() == f"ddwcheck: {HOSTILE}"
        assert shown.locator(".report").first.text_content() == HOSTILE
        assert HOSTILE in shown.locator("figure .map title").all_text_contents()[0]
        assert shown.locator("main img, main svg svg, main [onload], main [onerror]").count() == 0
        assert shown.locator("script").count() == 2 + 2  # the page's own, the pieces, and a story for each finding
        assert wrong == []


def test_the_test_above_sees_words_that_are_not_escaped(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(f"<!doctype html><p>{HOSTILE}")
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        shown.locator("img").wait_for(state="attached")
        shown.wait_for_timeout(100)
        assert {"dialog: 1", "dialog: 2"} <= set(wrong)


def test_the_policy_stops_a_script_that_was_not_escaped(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(page.html([ONE]).replace("<main>", "<main><script>alert(1)</script><img src=x onerror=alert(2)>"))
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        assert wrong and not [line for line in wrong if line.startswith("dialog")]
        assert step_of(shown) == len(ONE.exhibit.steps)  # while the page's own runs


def contrast(shown: Page, selector: str) -> float:
    """Of a text against the page, as WCAG counts it."""
    colours = shown.evaluate(
        "what => [getComputedStyle(document.querySelector(what)).color, getComputedStyle(document.body).backgroundColor]"
        ".map(text => text.match(/[\\d.]+/g).slice(0, 3).map(part => { const v = part / 255;"
        " return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }))"
        ".map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b)", selector,
    )  # fmt: skip
    dark, light = sorted(colours)
    return float((light + 0.05) / (dark + 0.05))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(chromium: Browser, campaign: Path, scheme: str) -> None:
    with browser.looked_at(chromium, scheme) as (shown, wrong):
        shown.goto(campaign.as_uri())
        paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(0, 0, 0)" if scheme == "dark" else "rgb(255, 255, 255)")
        for selector in ("h1", ".tags", "a", ".VIOLATED", ".HOLDS", ".INCONCLUSIVE", ".note"):
            assert contrast(shown, selector) >= 4.5, selector
        assert wrong == []


def test_print_shows_what_is_open_with_its_mail_text_and_no_buttons(chromium: Browser, tmp_path: Path) -> None:
    path = page.write(tmp_path / "index.html", [ONE])
    with browser.looked_at(chromium, "dark") as (shown, wrong):
        shown.goto(path.as_uri())
        shown.emulate_media(media="print")
        shown.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert shown.locator(".report").is_visible() and shown.locator(".steps pre:visible").count() == len(
            ONE.exhibit.steps
        )
        assert shown.locator("button:visible").count() == len(ONE.exhibit.steps) + 1  # the names of the steps
        assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        shown.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not shown.locator(".mail").evaluate("mail => mail.open")
        assert wrong == []


def test_everything_has_a_name_and_a_place_in_the_order(opened: Page) -> None:
    opened.locator(".finding > summary").first.click()
    nameless = opened.locator("button:visible, select, input, figure:not([hidden]) .map:not([hidden])").evaluate_all(
        "all => all.filter(one => !(one.textContent.trim() || one.labels?.[0]?.textContent.trim() || one.ariaLabel))"
        ".map(one => one.outerHTML)"
    )
    assert nameless == []
    assert opened.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count() == 0
    levels = [
        int(head[1]) for head in opened.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => one.localName)")
    ]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_needs_no_script_to_be_read(chromium: Browser, campaign: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    try:
        shown = context.new_page()
        shown.goto(campaign.as_uri())
        shown.locator(".finding > summary").first.click()
        assert shown.locator(".finding[open] .steps").is_visible()
        shown.locator(".finding[open] .mail > summary").click()
        assert shown.locator(".finding[open] .report").is_visible()
    finally:
        context.close()


def test_a_thousand_findings_are_one_page_of_bearable_size(chromium: Browser, tmp_path: Path) -> None:
    leaves = list(pages.many(1000, list(LEAVES.values())))
    path = page.write(tmp_path / "index.html", leaves)
    assert path.stat().st_size < LARGEST
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        assert shown.locator(".finding").count() == 1000
        last = shown.locator(".finding").last
        last.locator("summary").first.click()
        assert last.locator("figure .map rect").count() > 5
        shown.select_option("[data-key=invariant]", "ram-covered")
        assert set(shown_findings(shown)) == {"ram-covered"}
        assert wrong == []


def test_what_is_kept_is_what_was_found() -> None:
    for leaf in LEAVES.values():
        again = exhibit.from_json(json.loads(json.dumps(exhibit.to_json(leaf.exhibit))))
        found = leaf.exhibit.finding
        assert replace(again, finding=found) == leaf.exhibit
        assert (again.finding.maps, again.finding.offence, again.finding.number) == (
            found.maps,
            found.offence,
            found.number,
        )


OWN = "of <its> own"


def test_classes_are_those_that_the_words_name() -> None:
    assert page.classes("kernel, undecided: no maintainer has been asked") == ("kernel", "undecided")
    assert page.classes("hypervisor (R1-5.1-3); A6, undecided: nobody asked") == ("hypervisor", "undecided")
    assert page.classes("spec question (A1), undecided: nobody asked") == ("spec question", "undecided")
    assert page.classes(ONE.exhibit.kind) == ("undecided",)
    assert page.classes("unheard of") == ("unheard of",)


def test_what_has_no_map_is_told_without_one(chromium: Browser, tmp_path: Path) -> None:
    """A theorem or a line of a log: its steps are words, and what was judged is no invariant."""
    found = ONE.exhibit.finding._replace(maps=(), before=None, offence=None)
    plain = replace(ONE.exhibit, finding=found, kept="values.json", command="", invariant=OWN)
    assert exhibit.from_json(json.loads(json.dumps(exhibit.to_json(plain)))).finding.maps == ()
    times, sentences = {OWN: 2, "another": 3, "a third": 4}, {OWN: "s", "another": "t", "a third": "u"}
    ran = Campaign("a log", (), (), times, (), (OWN,), sentences=sentences, unclear={"a third": "cut off"})
    path = page.write(tmp_path / "index.html", [ONE._replace(exhibit=plain)], ran)
    with browser.looked_at(chromium) as (shown, wrong):
        shown.goto(path.as_uri())
        rows = {row.split("\t")[0]: row for row in shown.locator(".invariants tbody tr").all_inner_texts()}
        assert list(rows) == [OWN, "another", "a third"]
        assert "VIOLATED\t2\t1" in rows[OWN] and "HOLDS\t3\t0" in rows["another"]
        assert "INCONCLUSIVE" in rows["a third"] and "cut off" in rows["a third"]
        assert shown.locator(".steps li").count() == len(plain.steps)
        assert shown.locator("figure, .stepper, .steps button, [data-copy='.command']").count() == 0
        assert wrong == []


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index.html"
    path.write_text("the old one")

    def full(_self: Path, data: bytes) -> int:
        raise OSError(28, f"No space left for {len(data)} bytes")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        page.write(path, [ONE])
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"] and path.read_text() == "the old one"
