# SPDX-License-Identifier: GPL-2.0-or-later
"""What a finding costs whom reads it: the time to write its folder, and the size and time of a page of a thousand."""

import math
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from playwright.sync_api import Browser

from benchmarks.timing import Figure, milliseconds, seconds
from conformance.survey import watch
from ddwcheck import page, report
from model.defects import apply, catalogue
from model.guest.kernel import Kernel
from tests import browser, pages, reports

FINDINGS = 1_000
MEGABYTE = 1_000_000
LARGEST = 20 * MEGABYTE
LONGEST = 1.0
"""Seconds that a finding may take to be rendered, and such a page to be opened."""
LONGEST_TRACE = "mapping-translates"
"""Of the golden findings the one with the most to draw."""


def folder_of_a_finding(repetitions: int) -> list[Figure]:
    """All files of one counterexample."""
    name, trace = reports.findings()[LONGEST_TRACE]
    sights, run = watch(trace, apply(Kernel, [catalogue()[defect] for defect in trace.defects]))
    assert run is not None
    violations = [sight.violation for sight in sights if sight.fingerprint == name]
    with TemporaryDirectory() as folder:

        def written() -> None:
            report.write(Path(folder), run, violations, trace.release, trace.defects, trace.found)

        time = median(seconds(written) for _ in range(repetitions))
    return [Figure("a finding, written as a folder", milliseconds(time), "1 s allowed", time / LONGEST, 1.0)]


def page_of_a_thousand(repetitions: int) -> list[Figure]:
    """Findings that lie apart, so that their maps have little in common."""
    leaves = list(pages.many(FINDINGS, pages.kept()))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.html"
        written = seconds(lambda: page.write(path, leaves))
        size = path.stat().st_size
        opened = _opened(path, max(3, repetitions // 3))
    what = f"a page of {FINDINGS:,} findings"
    return [
        Figure(f"{what}, {written:.1f} s to write", f"{size / MEGABYTE:.1f} MB", "20 MB allowed", size / LARGEST, 1.0),
        *(
            Figure(f"{what}, opened in Chromium, {how}", shown(time), "1 s allowed", time / LONGEST, 1.0)
            for how, time in opened.items()
        ),
    ]


def shown(time: float) -> str:
    """A time, or that there is none."""
    return "not measured: no chromium" if math.isinf(time) else milliseconds(time)


def _opened(path: Path, times: int) -> dict[str, float]:
    """Seconds until a page is laid out, of the process that shows it and on the wall; infinitely many without a browser."""
    ways = ("CPU time", "wall")
    try:
        with browser.chromium() as chromium:
            loads = [_load(chromium, path) for _ in range(times)]
    except browser.NotInstalled:
        return dict.fromkeys(ways, math.inf)
    return dict(zip(ways, map(median, zip(*loads, strict=True)), strict=True))


def _load(chromium: Browser, path: Path) -> tuple[float, float]:
    with browser.looked_at(chromium) as (shown, _):
        session = shown.context.new_cdp_session(shown)
        session.send("Performance.enable")
        start = perf_counter()
        shown.goto(path.as_uri())
        shown.evaluate("document.body.offsetHeight")
        wall = perf_counter() - start
        metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["ProcessTime"]), wall
