# SPDX-License-Identifier: GPL-2.0-or-later
"""The range tables say what one entry per TCE says, whatever is asked of them."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from conformance.compare import Assign, assert_same
from conformance.plain import Plain
from conformance.questions import MEMORY, PES, operations, profiles
from model.calls import HcallAnswer, TceRun
from model.hypervisor import windows
from model.hypervisor.papr import Papr
from model.hypervisor.table import TceTable
from model.hypervisor.tce_calls import first_refused
from model.hypervisor.windows import Window
from model.interfaces import TceSpan
from model.profiles import MultiTce, Profile
from model.types import Tce

OPERATIONS = 30
HOW = settings(
    max_examples=250, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def compare(reference: type[Papr], how: settings = HOW) -> None:
    """Random operations on `reference` and on the plain hypervisor."""

    @how
    @given(st.data(), profiles, st.sampled_from((MultiTce.BOTH, MultiTce.BOTH, *MultiTce)))
    def same(data: st.DataObject, profile: Profile, multi_tce: MultiTce) -> None:
        left, right = reference(profile, PES, multi_tce), Plain(profile, PES, multi_tce)
        for span in MEMORY:
            assert_same(left, right, PES, Assign(span))
        for _ in range(OPERATIONS):
            assert_same(left, right, PES, data.draw(operations(left)))

    same()


def test_range_tables_answer_and_store_what_one_entry_per_tce_does() -> None:
    compare(Papr)


class LoopChecksNoMemory(Papr):
    """Wrong: a loop does not stop at memory that the partition does not own."""

    def first_refused(self, window: Window, tce: Tce, step: int, count: int) -> int:
        return count if step else first_refused(self, window, tce, step, count)


class LoopCountsBrokenCall(Papr):
    """Wrong: the call in which a loop fails counts as done."""

    def tce_run(self, run: TceRun) -> HcallAnswer:
        answer = super().tce_run(run)
        return HcallAnswer(answer.status, done=min(len(run), answer.done + 1))


class TableForgetsTail(TceTable):
    """Wrong: writing into the middle of a range loses what lies behind."""

    def _clear(self, start: int, stop: int) -> None:
        rest = next((run.stop for run in self.spans(start, stop + 1) if run.stop > stop), stop)
        super()._clear(start, max(stop, rest))


class TableJoinsAnything(TceTable):
    """Wrong: ranges are joined if their steps agree, whatever their entries are."""

    def _insert(self, run: TceSpan) -> None:
        before = next((k for k, r in enumerate(self._runs) if r.stop == run.start and r.step == run.step), None)
        if before is None:
            super()._insert(run)
        else:
            self._runs[before] = self._runs[before]._replace(stop=run.stop)


BRIEFLY = settings(HOW, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.mark.parametrize("wrong", [LoopChecksNoMemory, LoopCountsBrokenCall])
def test_comparison_catches_a_wrong_loop(wrong: type[Papr]) -> None:
    with pytest.raises(AssertionError):
        compare(wrong, BRIEFLY)


@pytest.mark.parametrize("wrong", [TableForgetsTail, TableJoinsAnything])
def test_comparison_catches_a_wrong_table(wrong: type[TceTable], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "TceTable", wrong)
    with pytest.raises(AssertionError):
        compare(Papr, BRIEFLY)
