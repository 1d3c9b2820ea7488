# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that are kept are those that were made; made plainer they end; what is no list of calls is refused. Needs no QEMU."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.qemu import kept
from conformance.qemu.calls import Made
from conformance.qemu.differ import Access, Difference
from conformance.qemu.kept import BadCalls
from conformance.qemu.machine import Stopped
from conformance.qemu.plainer import neighbours, plainer, weight
from conformance.qemu.shorten import bounded, smallest
from ddwcheck.main import main
from ddwcheck.qemu_need import needs
from model.calls import GetTce, PutTce, PutTceIndirect, RtasCall, StuffTce, TceRun, tce_list
from model.types import BusAddress, Liobn, Tce

LIOBN, BUS = Liobn(0x80000100), BusAddress(0x7000)
CALLS: tuple[Made, ...] = (
    RtasCall(2027, (0, 1, 2, 16, 30), 4), GetTce(LIOBN, BUS), PutTce(LIOBN, BUS, Tce(0x5003)),
    StuffTce(LIOBN, BUS, Tce(3), 9), PutTceIndirect(LIOBN, BUS, tce_list(3, 4096, 5)),
    TceRun(StuffTce, LIOBN, BUS, Tce(0), 0, 4096, 1024, 512),
)  # fmt: skip
ACCESSES = (Access(BUS, 60), Access(BUS, 64, bytes(64)))


def as_kept() -> dict[str, Any]:
    data = {
        "ddwcheck_qemu": 1, "calls": list(map(kept.to_json, CALLS)), "accesses": list(map(kept.access_to_json, ACCESSES)),
    }  # fmt: skip
    found: dict[str, Any] = json.loads(json.dumps(data))
    return found


def test_calls_are_kept_as_they_were() -> None:
    data = as_kept()
    read = kept.from_json(data)
    assert [kept.to_json(call) for call in read] == data["calls"] and list(map(type, read)) == list(map(type, CALLS))
    assert kept.accesses_of(data) == ACCESSES


DAMAGES: dict[str, Any] = {
    "no call to make": lambda data: data.update(calls=[], accesses=[]),
    "version": lambda data: data.update(ddwcheck_qemu=2),
    "no list": lambda data: data.update(calls={}),
    "no known kind": lambda data: data["calls"][0].update(call="H_ENTER"),
    "operands are not": lambda data: data["calls"][1].pop("ioba"),
    "ioba is no number": lambda data: data["calls"][1].update(ioba=1 << 64),
    "args is no number": lambda data: data["calls"][0].update(args=[True]),
    "nret is no number": lambda data: data["calls"][0].update(nret=-1),
    "more cells": lambda data: data["calls"][0].update(nret=1 << 20),
    "a loop of": lambda data: data["calls"][5].update(kind="GetTce"),
    "per_call": lambda data: data["calls"][5].update(per_call=0),
    "too long": lambda data: data["calls"][5].update(entries=1 << 40),
    "cannot be read": lambda data: data["accesses"][0].pop(),
    "an access of": lambda data: data["accesses"][0].__setitem__(1, 1 << 30),
    "more or less": lambda data: data["accesses"][1].__setitem__(2, "00"),
}


@pytest.mark.parametrize("said", DAMAGES)
def test_damaged_calls_are_one_line_and_start_nothing(
    said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = as_kept()
    DAMAGES[said](data)
    (tmp_path / "calls.json").write_text(json.dumps(data))
    assert main(["qemu", "--replay", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and said in err


@pytest.mark.parametrize("junk", [b"{", b"[" * 100_000, b"7", b"\xff\xfe"])
def test_junk_in_place_of_calls_is_one_line(junk: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calls.json").write_bytes(junk)
    for path in (tmp_path, tmp_path / "calls.json", tmp_path / "nowhere", Path("a\0b")):
        assert main(["qemu", "--replay", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(BadCalls):
        kept.from_json([])


def stuffs_many(calls: Sequence[Made], accesses: Sequence[Access] = ()) -> Difference | None:
    """A platform that goes wrong where at least three TCEs are stuffed at once behind bus address 0x1000."""
    for at, call in enumerate(calls):
        if isinstance(call, StuffTce) and call.count >= 3 and call.ioba > 0x1000:
            return Difference(tuple(calls[: at + 1]), "SUCCESS", "PARAMETER")
    return None


def test_a_difference_is_made_as_short_and_plain_as_it_can_be() -> None:
    found = smallest(Difference(CALLS * 3, "SUCCESS", "PARAMETER"), stuffs_many)
    assert found.calls == (
        StuffTce(LIOBN, BusAddress(0x2000), Tce(0), 4),
    )  # powers of two are plainer than smaller ones
    assert stuffs_many(found.calls) == found
    assert all(stuffs_many(calls) is None for calls in plainer(found.calls) if weight(calls) < weight(found.calls))


def test_each_plainer_call_that_is_taken_weighs_less_and_others_are_near() -> None:
    assert any(weight(calls) < weight(CALLS) for calls in plainer(CALLS))
    names = [name for name, _ in neighbours(CALLS)]
    assert len(names) == len(set(names)) and "argument 5 +0x1 in call 1" in names


def test_what_is_needed_is_found_by_leaving_it_out_and_what_was_not_tried_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Difference((GetTce(LIOBN, BUS), StuffTce(LIOBN, BUS, Tce(0), 3)), "SUCCESS", "PARAMETER")
    need = needs(found, stuffs_many)
    assert (need.needed, need.spare) == (("call 2",), ("call 1",))
    assert "count +0x1 in call 2" in need.fails_too and "count -0x1 in call 2" in need.holds
    monkeypatch.setattr("ddwcheck.qemu_need.MOST_SECONDS", -1.0)
    hasty = needs(found, stuffs_many)
    assert not (hasty.needed or hasty.spare or hasty.fails_too or hasty.holds) and hasty.untried > 2


def test_calls_that_stop_the_machine_show_nothing() -> None:
    def stops(calls: Sequence[Made], accesses: Sequence[Access]) -> Difference | None:
        raise Stopped("it hangs")

    assert bounded(stops)(CALLS, ()) is None
    need = needs(Difference(CALLS[:1], "SUCCESS", "PARAMETER"), stops)
    assert need.needed == ("call 1",) and not need.fails_too


def test_a_user_who_has_waited_enough_gets_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.qemu.shorten.MOST_TRIES", 3)
    found = Difference(CALLS * 3, "SUCCESS", "PARAMETER")
    short = smallest(found, bounded(stuffs_many))
    assert stuffs_many(short.calls) == short and weight(short.calls) > weight((StuffTce(LIOBN, BUS, Tce(0), 3),))
