# SPDX-License-Identifier: GPL-2.0-or-later
"""`windows.svg`: nothing lies outside or on top of another, the order is that of addresses, the offence is marked."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from time import monotonic
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import baseline
from conformance.cause import causes
from conformance.survey import watch
from ddwcheck import report
from ddwcheck.axis import axis
from ddwcheck.bus_map import MOST, MOST_ALONG, Area, Band, BusMap, Finding, Lane, Offence, along, finding, nearest
from ddwcheck.drawing import svg
from ddwcheck.picture import FONT, Label, Picture, film, legend, picture
from model.calls import RtasCall
from model.defects import apply, catalogue
from model.guest.kernel import Kernel
from model.invariants import Violation
from model.run import Run
from model.types import BusAddress, Span
from tests import reports

FINDINGS = reports.findings()
SVG = "{http://www.w3.org/2000/svg}"
MARKED = {
    "bitmap-matches-tces", "calls-well-formed", "detach-leaves-nothing", "direct-maps-only-ram", "enable-fails-clean",
    "handle-in-mask", "map-fails-clean", "mapping-translates", "no-dead-liobn", "no-write-outside", "ram-covered",
    "route-agrees", "unmap-releases", "window-empty-at-removal",
}  # fmt: skip
"""Kinds of violation that are at a bus address, or about a window."""


def seen(invariant: str) -> tuple[Run, Violation]:
    """A kept finding, run again."""
    name, trace = FINDINGS[invariant]
    sights, run = watch(trace, apply(Kernel, [catalogue()[defect] for defect in trace.defects]))
    assert run is not None
    return run, next(sight.violation for sight in sights if sight.fingerprint == name)


def found(
    areas: tuple[Area, ...] = (), bands: tuple[Band, ...] = (), at: int | None = None, page: int = 1 << 12,
    message: str = "wrong",
) -> Finding:  # fmt: skip
    """A finding made by hand, the same before and after."""
    offence = None if at is None else Offence(BusAddress(at), Span(at // page * page, (at // page + 1) * page))
    one = nearest(BusMap(areas, bands), offence)
    return Finding(Violation("some-invariant", message, 0, 1), 1, one, one, offence)


def mapping(number: int, bus: int, memory: int, size: int, lane: Lane = Lane.HANDLE) -> Band:
    return Band(lane, Span(bus, bus + size), Span(memory, memory + size), f"mapping {number}")


RAM = Area(Lane.MEMORY, Span(0, 1 << 40), "RAM 0")
FULL = (
    RAM, Area(Lane.WINDOW, Span(0, 1 << 31), "default"), Area(Lane.WINDOW, Span(1 << 59, 1 << 63), "DDW" * 40),
    Area(Lane.REGION, Span(1 << 59, 1 << 60), "direct"), Area(Lane.REGION, Span(1 << 60, 1 << 63), "dynamic"),
    Area(Lane.REGION, Span(0, 1 << 16), "page 0"), Area(Lane.REGION, Span(1 << 31, (1 << 32) - (1 << 24)), "MMIO32"),
)  # fmt: skip
MADE = {
    "64 KiB": found((Area(Lane.WINDOW, Span(0, 1 << 16), "default"), RAM), at=0),
    "2^63": found(FULL, (mapping(0, (1 << 63) - 4096, 1 << 39, 4096),), at=(1 << 63) - 1),
    "nothing": found(),
    "one byte": found(FULL, (mapping(0, 0x20001, 0x30001, 1), mapping(1, 0x20002, 0x30002, 1)), at=0x20001),
    "the same handle twice": found(FULL, (mapping(0, 1 << 60, 0, 4096), mapping(1, 1 << 60, 4096, 4096)), at=1 << 60),
    "no memory behind": found(FULL, (mapping(0, 1 << 60, 1 << 50, 1 << 16, Lane.TCE),)),
    "a hundred mappings": found(FULL, tuple(mapping(n, n << 20, n << 24, 1 << 16) for n in range(1, 101)), at=50 << 20),
    "no step before": found(FULL, at=1 << 59)._replace(before=None),
    "long words": found(FULL, message="word " * 200),
}


def rectangles(drawn: Picture) -> Iterator[tuple[str, float, float, float, float]]:
    """Everything that is drawn, by what it is: left, top, right, bottom."""
    for box in (*drawn.parts.boxes, *drawn.parts.marks, *drawn.parts.ticks):
        yield box.style, box.x, box.y, box.x + box.width, box.y + box.height
    for shape in drawn.parts.shapes:
        xs, ys = zip(*shape.points, strict=True)
        yield shape.style, min(xs), min(ys), max(xs), max(ys)
    yield from (("break", x - 5, y - 6, x + 5, y + 7) for x, y in drawn.parts.breaks)
    yield from (("label", *extent(label)) for label in drawn.parts.labels)


def extent(label: Label) -> tuple[float, float, float, float]:
    return label.left, label.y - FONT / 2, label.left + label.width, label.y + FONT / 2


def outside(drawn: Picture) -> list[object]:
    return [
        part for part in rectangles(drawn)
        if not (0 <= part[1] <= part[3] <= drawn.width and 0 <= part[2] <= part[4] <= drawn.height)
    ]  # fmt: skip


def overlapping(drawn: Picture) -> list[tuple[str, str]]:
    """Labels that are written over one another."""
    wrong = []
    for one, other in combinations(drawn.parts.labels, 2):
        (left, top, right, bottom), (west, north, east, south) = extent(one), extent(other)
        if left < east and west < right and top < south and north < bottom:
            wrong.append((one.text, other.text))
    return wrong


def disordered(drawn: Picture) -> list[tuple[str, str]]:
    """Addresses along one axis that are not in the order in which they are drawn."""
    wrong = []
    addresses = [label for label in drawn.parts.labels if label.style == "address"]
    for x in {label.x for label in addresses}:
        down = sorted((label for label in addresses if label.x == x), key=lambda label: label.y)
        wrong += [(a.text, b.text) for a, b in combinations(down, 2) if int(a.text, 16) >= int(b.text, 16)]
    return wrong


def unmarked(drawn: Picture, offence: Offence) -> list[str]:
    """Marks that are not between an address up to the offence and one behind it, on the same axis."""
    wrong = []
    for mark in drawn.parts.marks:
        ends = {}
        for label in drawn.parts.labels:
            if label.style == "address" and label.anchor == "end" and 0 < mark.x - label.x < 20:
                ends[label.y] = int(label.text, 16)
        if not ends[mark.y] <= offence.address < ends[mark.y + mark.height]:
            wrong.append(f"{offence.address:#x} is not in {ends[mark.y]:#x}..{ends[mark.y + mark.height]:#x}")
    return wrong


def judged(drawn: Picture, it: Finding) -> None:
    assert outside(drawn) == []
    assert overlapping(drawn) == []
    assert disordered(drawn) == []
    assert len(drawn.parts.marks) == (0 if it.offence is None else 1 if it.before is None else 2)
    assert it.offence is None or unmarked(drawn, it.offence) == []


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_by_hand_can_be_read(name: str) -> None:
    judged(picture(MADE[name], "SetMask " * 50), MADE[name])


@pytest.mark.parametrize("invariant", FINDINGS)
def test_each_kind_of_finding_can_be_read(invariant: str) -> None:
    run, violation = seen(invariant)
    it = finding(run, violation)
    assert it.before is not None
    judged(picture(it, "event"), it)
    assert invariant not in MARKED or it.offence is not None


@pytest.mark.parametrize("invariant", FINDINGS)
def test_the_maps_of_a_run_can_be_read_one_after_the_other(invariant: str) -> None:
    it = finding(*seen(invariant))
    shown = film(it)
    assert shown.first == 0 and len(shown.frames) == it.number + 1
    for parts in shown.frames:
        drawn = Picture(shown.width, shown.top + shown.height, "", "", parts)
        assert outside(drawn) == [] and overlapping(drawn) == [] and disordered(drawn) == []
        assert min(top for _, _, top, _, _ in rectangles(drawn)) >= shown.top
        assert it.offence is None or unmarked(drawn, it.offence) == []
    places = {(box.title, box.y, box.height) for parts in shown.frames for box in parts.boxes}
    assert len(places) == len({title for title, _, _ in places})  # what stays does not move
    assert it.maps[-1].areas[: len(it.after.areas)] == it.after.areas


def test_the_legend_can_be_read_by_itself() -> None:
    drawn = legend()
    assert outside(drawn) == [] and overlapping(drawn) == [] and len(drawn.parts.boxes) == 4


def test_the_maps_of_a_run_leave_out_the_same_bands() -> None:
    places = [n << 20 for n in range(1, 41)]
    maps = [
        BusMap(FULL, tuple(mapping(n, at, at, 4096) for n, at in enumerate(places[:count]))) for count in (10, 40, 30)
    ]
    offence = Offence(BusAddress(20 << 20), Span(20 << 20, (20 << 20) + 4096))
    story = along(maps, offence)
    drawn = [{band.text for band in one.bands} for one in story]
    assert drawn[0] <= drawn[1] and drawn[2] == drawn[1] and len(drawn[1]) == MOST_ALONG
    assert [one.left_out + len(one.bands) for one in story] == [10, 40, 30]
    assert any(band.bus.start == offence.address for band in story[1].bands)


def test_the_checks_above_see_what_is_wrong() -> None:
    it = MADE["2^63"]
    assert it.offence is not None
    good = picture(it, "event")
    labels, marks = good.parts.labels, good.parts.marks
    first, second = [label for label in labels if label.style == "address"][:2]

    def tampered(**parts: object) -> Picture:
        return good._replace(parts=good.parts._replace(**parts))  # type: ignore[arg-type]

    assert outside(good._replace(width=good.width - 200))
    assert outside(tampered(breaks=[(-3, 50)]))
    assert overlapping(tampered(labels=[*labels, first._replace(text="over it")]))
    swapped = [first._replace(y=second.y), second._replace(y=first.y)]
    assert disordered(tampered(labels=[*swapped, *(label for label in labels if label not in (first, second))]))
    assert unmarked(good, it.offence._replace(address=BusAddress(0)))
    assert len(marks) == 2


SPANS = st.builds(lambda start, size: Span(start, start + size), st.integers(0, 1 << 63), st.integers(0, 1 << 40))


@given(st.lists(SPANS, max_size=8))
def test_the_order_on_an_axis_is_that_of_addresses(spans: "list[Span[int]]") -> None:
    drawn = axis(spans, 10, 30, 20)
    kept = [span for span in spans if span.size > 0]
    for one in kept:
        top, bottom = drawn.place(one)
        assert 10 <= top < bottom <= drawn.bottom
        for other in kept:
            over, under = drawn.place(other)
            assert (one.start < other.start) == (top < over)
            assert (one.stop <= other.start) == (bottom <= over)
            assert (one.stop < other.stop) == (bottom < under)
    assert all(part.bottom - part.top == 30 for part in drawn.segments)
    holes = [y for y in drawn.breaks if any(part.top <= y <= part.bottom for part in drawn.segments)]
    assert holes == []


def test_bands_beyond_what_can_be_read_are_counted_and_those_at_the_offence_are_drawn() -> None:
    it = MADE["a hundred mappings"]
    assert it.offence is not None
    assert len(it.after.bands) == MOST and it.after.left_out == 100 - MOST
    assert any(band.bus.holds(it.offence.address) for band in it.after.bands)
    assert any(f"Up to {100 - MOST} bands" in label.text for label in picture(it, "event").parts.labels)


def test_before_and_after_tell_what_the_step_did() -> None:
    """A block goes offline and takes the I/O page with it that the RAM below shares."""
    it = finding(*seen("ram-covered"))
    assert it.before is not None and it.offence is not None
    assert [band.text for band in it.before.bands] == ["pre-mapped"] and it.before.bands[0].bus.holds(
        it.offence.address
    )
    assert it.after.bands == ()
    assert {area.text for area in it.after.areas} - {area.text for area in it.before.areas} == {"RAM 2, offline"}


def test_a_window_that_went_too_early_is_marked_whole() -> None:
    it = finding(*seen("window-empty-at-removal"))
    assert it.before is not None and it.offence is not None
    assert it.offence.extent in [area.span for area in it.before.areas if area.lane is Lane.WINDOW and area.there]
    assert any(it.offence.extent.covers(band.bus) for band in it.before.bands)
    assert it.after.bands == ()


def test_the_log_below_a_crash_stays_out_of_the_heading() -> None:
    drawn = picture(found(FULL, message="panic\n<6>a line of the log\n"), "event")
    assert drawn.title == "some-invariant: panic"
    assert picture(found(FULL, message=""), "event").title == "some-invariant: "


def kept(release: str, name: str) -> tuple[Run, Violation]:
    """A finding of a baseline, on the rules that explain it."""
    trace = baseline.load(reports.ROOT / "conformance" / f"baseline-{release}.json")[name].trace
    sights, run = watch(trace, apply(Kernel, causes(name, trace, release)))
    assert run is not None
    return run, next(sight.violation for sight in sights if sight.fingerprint == name)


def test_memory_that_goes_directly_is_marked_where_the_device_looks_for_it() -> None:
    name = "limit-matches-split: pre-mapped RAM at N is not routed directly (Online)"
    run, violation = kept("7.2", name)
    it = finding(run, violation)
    memory = re.search(r"RAM at (0x[0-9a-f]+)", violation.message)
    direct = next(area.span for area in it.after.areas if area.text == "direct")
    assert memory and it.offence is not None and it.offence.address == direct.start + int(memory[1], 16)


def test_a_call_that_is_not_well_formed_is_marked_where_it_writes() -> None:
    run, violation = seen("calls-well-formed")
    it = finding(run, violation)
    named = {
        c.call.ioba
        for c in run.history[-1].crossings
        if not isinstance(c.call, RtasCall) and c.name in violation.message
    }
    assert it.offence is not None and it.offence.address in named


def test_a_window_that_a_reset_took_too_early_is_marked_whole() -> None:
    name = "window-empty-at-removal: reset of a window that still maps memory (SetMask)"
    run, violation = kept("6.12", name)
    it = finding(run, violation)
    assert it.before is not None and it.offence is not None and "window" in it.offence.what
    assert any(it.offence.extent.covers(band.bus) for band in it.before.bands)


def test_a_handle_is_marked_from_where_the_device_cannot_reach_it() -> None:
    name = "handle-in-mask: the handle is beyond the device's mask (AllocCoherent)"
    run, violation = kept("6.12", name)
    mask = getattr(run.history[-1].step.event, "mask", 0)
    assert violation.at is not None and violation.at.start > mask and violation.at.stop - 1 == violation.observed


def test_a_violation_without_a_place_has_no_mark() -> None:
    run, violation = seen("mapping-translates")
    assert finding(run, replace(violation, at=None)).offence is None


def test_a_mapping_without_a_window_is_drawn_as_held_and_not_as_reached() -> None:
    it = finding(*seen("mapping-translates"))
    assert it.offence is not None
    at = it.offence.address
    assert [band.lane for band in it.after.bands if band.bus.holds(at)] == [Lane.HANDLE]


@pytest.mark.parametrize(
    "hostile", ["</title><script>alert(1)</script>", "\"&<>'", "\x00\x1b[2J\ud800\ufffe", "{{ 7 * 7 }}"]
)
def test_hostile_words_stay_words(hostile: str) -> None:
    area = Area(Lane.WINDOW, Span(0, 1 << 16), hostile, detail=hostile)
    it = found((area, RAM), (Band(Lane.TCE, Span(0, 4096), Span(0, 4096), hostile),), at=0, message=hostile)
    root = ElementTree.fromstring(svg(picture(it, hostile)))
    shown = "".join(c if c.isprintable() else "?" for c in hostile)
    assert shown.isprintable()
    assert root.findtext(f"{SVG}title") == f"some-invariant: {shown}"
    assert shown in (root.findtext(f"{SVG}desc") or "")
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "defs", "pattern", "rect", "path", "circle", "polygon", "text"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on") or "href" in name]


def test_a_counterexample_has_its_picture_within_a_second(tmp_path: Path) -> None:
    run, violation = seen("mapping-translates")
    start = monotonic()
    report.write(tmp_path, run, [violation], "6.12", FINDINGS["mapping-translates"][1].defects, "a test")
    assert monotonic() - start < 1
    root = ElementTree.parse(tmp_path / "windows.svg").getroot()
    assert root.get("role") == "img" and root.get("aria-labelledby") == "title description"
    assert "drivers hold" in [text.text for text in root.iter(f"{SVG}text")]
    assert "a driver holds, mapping 1" in (root.findtext(f"{SVG}desc") or "")


@pytest.mark.parametrize(
    ("invariant", "reached", "held"),
    [
        ("unmap-releases", True, False),
        ("direct-maps-only-ram", True, False),
        ("bitmap-matches-tces", True, False),
        ("map-fails-clean", True, False),
    ],
)
def test_a_tce_told_by_its_number_is_marked_in_the_window_that_is_meant(
    invariant: str, reached: bool, held: bool
) -> None:
    it = finding(*seen(invariant))
    assert it.offence is not None
    at = it.offence.address
    assert any(band.bus.holds(at) for band in it.after.bands if band.lane is Lane.TCE) is reached
    assert any(band.bus.holds(at) for band in it.after.bands if band.lane is Lane.HANDLE) is held


def test_two_windows_that_have_the_same_number_of_a_tce_are_told_apart_by_its_state() -> None:
    """A reset emptied the default window below a mapping; in the new window the TCE of that number is valid."""
    name = "bitmap-matches-tces: entry N is taken but its TCE is invalid (SetMask)"
    run, violation = kept("6.12", name)
    it = finding(run, violation)
    assert it.offence is not None and run.profile.default.holds(it.offence.address)
    assert [band.lane for band in it.after.bands if band.bus.holds(it.offence.address)] == [Lane.HANDLE]
