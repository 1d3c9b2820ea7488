# SPDX-License-Identifier: GPL-2.0-or-later
"""A recorded window's ranges agree with one entry per TCE, whatever is set and cleared."""

from hypothesis import given
from hypothesis import strategies as st

from ddwcheck.record_window import Run, Window
from model.types import CONTROL, READ

ONE_TO_ONE = -1
PAGES = st.none() | st.integers(0, 50) | st.just(ONE_TO_ONE)
PUTS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), PAGES, st.sampled_from([CONTROL, READ])), max_size=60)


@given(PUTS)
def test_ranges_agree_with_single_entries(puts: list[tuple[int, int, int | None, int]]) -> None:
    window, plain = Window(0, 12), dict[int, tuple[int, int]]()
    for start, count, drawn, access in puts:
        page = start if drawn == ONE_TO_ONE else drawn
        window.put(start, start + count, page or 0, access if page is not None else 0)
        for index in range(start, start + count):
            plain.pop(index, None)
            if page is not None:
                plain[index] = page + index - start, access
        found = {
            index: (run.page + index - run.start, run.access)
            for run in window.runs for index in range(run.start, run.stop)
        }  # fmt: skip
        assert found == plain
        bounds = [bound for run in window.runs for bound in (run.start, run.stop)]
        assert bounds == sorted(bounds) and all(run.start < run.stop for run in window.runs)


def test_a_run_that_goes_on_is_one_run_and_a_cut_one_keeps_its_pages() -> None:
    window = Window(0, 12)
    window.put(0, 8, 100, CONTROL)
    window.put(8, 16, 108, CONTROL)
    assert window.runs == [Run(0, 16, 100, CONTROL)]
    window.put(4, 6, 0, 0)
    assert window.runs == [Run(0, 4, 100, CONTROL), Run(6, 16, 106, CONTROL)]
