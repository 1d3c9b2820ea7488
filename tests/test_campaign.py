# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck campaign`: its plan is fixed, its units repeat, its store survives kills, full disks and damage."""

import json
import os
import pickle
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from ddwcheck.campaigns import progress, work
from ddwcheck.campaigns.plan import Again, Course, Drawn, Swept, Target, Unit, first_round, plan, reference
from ddwcheck.campaigns.store import BadStore, NotKept, Store, opened
from ddwcheck.campaigns.work import Answer, Found, carry_out
from ddwcheck.main import main
from model.profiles import PROFILES
from properties.machine import SHARDS

WRONG = "stuff-without-limit"
TINY = Course((reference([WRONG]),), seed=0, examples=4, sweeps=False, again="")
COMMAND = ("campaign", "--defect", WRONG, "--no-sweeps", "--examples", "4", "--jobs", "1", "--units")
ROOT = Path(__file__).parent.parent
SECONDS = 300
"""How long to wait for a process on a machine that is busy."""


def units(course: Course, most: int) -> list[Unit]:
    return list(islice(plan(course), most))


def test_a_plan_is_the_same_for_the_same_course_and_has_each_part_once_in_its_first_round() -> None:
    course = Course((reference(), Target("C", "/linux")), seed=3, examples=10, sweeps=True, again="/old")
    first = units(course, first_round(course))
    assert first == units(course, len(first)) and [unit.number for unit in first] == list(range(len(first)))
    parts = [(unit.target.name, str(unit.work)) for unit in first]
    assert len(set(parts)) == len(parts) == 2 * 2 * len(SHARDS) + 4 * len(PROFILES)
    assert not any(isinstance(unit.work, Swept) for unit in first if unit.target.tree)
    second = units(course, len(first) + 2 * len(SHARDS))[len(first) :]
    assert {str(unit.work) for unit in second} == {f"{platform} {strength}" for platform, strength in SHARDS}


def test_campaigns_of_neighbouring_seeds_draw_nothing_twice() -> None:
    drawn = [
        (unit.work.shard, unit.work.seed)
        for seed in (0, 1, 2)
        for unit in units(replace(TINY, seed=seed), 100)
        if isinstance(unit.work, Drawn)
    ]
    assert len(set(drawn)) == len(drawn) == 300


def test_a_unit_repeats_and_what_it_shows_is_tried_again_by_a_later_campaign(tmp_path: Path) -> None:
    unit, examples = units(TINY, 1)[0], tmp_path / "examples"
    one, two = (replace(carry_out(unit, folder), seconds=0) for folder in ("", str(examples)))
    assert one == two and one.found and one.examples >= 4 and one.checks["calls-well-formed"] > 0
    assert isinstance(unit.work, Drawn)
    before = sorted(examples.rglob("*"))
    again = carry_out(replace(unit, work=Again(unit.work.shard, str(examples))))
    assert {found.fingerprint for found in again.found} >= {found.fingerprint for found in one.found}
    assert sorted(examples.rglob("*")) == before
    silent = carry_out(Unit(0, reference(), Again(unit.work.shard, str(examples))))
    assert silent.examples > 0 and silent.found == ()


def test_a_sweep_finds_what_the_main_job_would() -> None:
    target = reference(["no-table-without-default"])
    found = carry_out(Unit(0, target, Swept("powervm-sriov", "crashes"))).found
    assert {one.invariant for one in found} == {"kexec-keeps-running"}


def test_a_finding_is_shrunk_without_a_clock() -> None:
    unit = units(TINY, 1)[0]
    found = carry_out(unit).found[0]
    short = work.shorten(unit.target, found.fingerprint, found.trace)
    assert short == work.shorten(unit.target, found.fingerprint, found.trace)
    assert 0 < len(short["steps"]) <= found.steps


def answer(number: int, steps: int = 3, name: str = "a: b (Map)", trace: str = "") -> Answer:
    found = Found(name, "a", 2, steps, {"steps": [1] * steps, "is": trace or f"of {number}"})
    return Answer(number, "ours", 5, 50, 0, 1.0, {"event": 2}, {"a": 7}, (found,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "s.sqlite") as store:
        store.begin({"seed": "0"})
        yield store


def test_a_unit_counts_once_and_the_shortest_trace_stays_whatever_comes_first(tmp_path: Path) -> None:
    seen = []
    for number, order in enumerate(([0, 1, 2, 1], [2, 1, 0], [1, 0, 2, 2])):
        with opened(tmp_path / f"{number}.sqlite") as store:
            store.begin({"seed": "0"})
            fresh = [store.add(units(TINY, 3)[n], answer(n, (5, 3, 3)[n]), 1.0) for n in order]
            assert fresh.count(True) == 3 and store.done() == {0, 1, 2}
            seen.append((store.findings(), store.totals(), store.counted("checks"), store.counted("reached", "nobody")))
    (only,) = seen[0][0]
    assert (only.unit, only.times, len(only.trace["steps"])) == (1, 6, 3)
    assert seen[0] == seen[1] == seen[2] and seen[0][2] == {"a": 21} and not seen[0][3]


def test_a_shorter_trace_of_a_later_unit_is_to_be_shrunk_again(store: Store) -> None:
    first, second, third = units(TINY, 3)
    store.add(first, answer(0), 1.0)
    store.shrunk(store.findings()[0], {"steps": [1], "is": "short"})
    assert store.findings()[0].is_shrunk and store.findings()[0].trace["is"] == "short"
    store.add(second, answer(1, steps=4), 2.0)
    assert store.findings()[0].is_shrunk
    store.add(third, answer(2, steps=2), 3.0)
    assert not store.findings()[0].is_shrunk and store.findings()[0].trace["is"] == "of 2" and store.seconds() == 3.0


def test_on_a_full_disk_a_unit_is_not_kept_and_all_before_it_is(tmp_path: Path) -> None:
    path, (first, second, *_) = tmp_path / "s.sqlite", units(TINY, 2)
    with opened(path) as store:
        store.begin({"seed": "0"})
        store.add(first, answer(0), 1.0)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 17, hard))
        try:
            with pytest.raises(NotKept, match=r"s\.sqlite: .*(full|I/O)"):
                store.add(second, answer(1, name="c: d (Map)", trace="x" * (1 << 18)), 2.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.done() == {0} and len(store.findings()) == 1
    with opened(path) as store:
        assert store.done() == {0} and store.seconds() == 1.0
        assert store.add(second, answer(1), 2.0) and store.done() == {0, 1}


def no_database(path: Path) -> None:
    path.write_text("SQLite? No: a shopping list, long enough to be taken for something else." * 100)


def another_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def another_version(path: Path) -> None:
    kept(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def cut(path: Path) -> None:
    kept(path)
    path.write_bytes(path.read_bytes()[:-5000])


def scribbled(path: Path) -> None:
    kept(path)
    data = bytearray(path.read_bytes())
    data[8192:16384] = os.urandom(8192)
    path.write_bytes(data)


def no_json(path: Path) -> None:
    kept(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE unit SET reached = '{'")


def a_folder(path: Path) -> None:
    path.mkdir()


def kept(path: Path) -> None:
    with opened(path) as store:
        store.begin({"seed": "0"})
        store.add(units(TINY, 1)[0], answer(0, trace="x" * 20000), 1.0)


@pytest.mark.parametrize(
    "damage",
    [no_database, another_database, another_version, cut, scribbled, no_json, a_folder],
    ids=lambda d: d.__name__,
)
def test_a_damaged_store_is_told_in_one_line(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    damage(path)
    with pytest.raises(BadStore, match=r"s\.sqlite: ") as bad, opened(path) as store:
        store.begin({"seed": "0"})
        store.counted("reached")
        store.findings()
    assert "\n" not in str(bad.value)


def test_a_store_has_one_campaign_and_one_process_at_a_time(store: Store) -> None:
    with pytest.raises(BadStore, match="another campaign is using it"), opened(store.path):
        pass
    with pytest.raises(BadStore, match="seed '0' where '1' was asked for"):
        store.begin({"seed": "1"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--defect", "no-such"], ["no-such-tree"], ["--units", "0"], ["--hours", "-1"], ["--again", "no-such-folder"],
        ["--store", "no/such/folder/x.sqlite"], ["--out", "/proc/nothing"], ["--jobs", "0"],
        ["--defect", WRONG, "--defect", WRONG], ["--units", "1", "--scheduler", "nonsense"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["campaign", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1


def test_progress_is_a_plain_line_now_and_then_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter((0.0, 1.0, 10.0, 10.0, 11.0))
    with progress.Progress(every=10.0, now=lambda: next(times)) as shows:
        for units in (1, 2, 3):
            shows.tell(progress.line(units, 1000, 50.0, 4, (120, 240), 90.0, lost=1), units / 4)
    (line,) = capsys.readouterr().err.splitlines()
    for part in ("2 units", "50 steps/s", "4 findings", "120 of 240 reach goals", "0:01:30 left", "1 lost", "50%"):
        assert part in line


def started(most: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ddwcheck.main", *COMMAND, str(most)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def done(path: Path) -> int:
    """How many units a store has, read while its campaign runs."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT COUNT(*) FROM unit").fetchone()[0])
    except sqlite3.Error:
        return 0


def wait_for(what: Callable[[], bool]) -> None:
    end = monotonic() + SECONDS
    while not what():
        assert monotonic() < end
        sleep(0.02)


def workers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]


def elsewhere(most: int) -> list[Answer]:
    """What units of TINY come to in a process that has loaded nothing but them: Hypothesis must not draw otherwise there."""
    code = "import pickle, sys; from ddwcheck.campaigns.work import carry_out; "
    code += "sys.stdout.buffer.write(pickle.dumps(list(map(carry_out, pickle.load(sys.stdin.buffer)))))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(units(TINY, most)),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    answers: list[Answer] = pickle.loads(done.stdout)
    return answers


def test_what_is_killed_goes_on_and_finds_what_an_undisturbed_campaign_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "campaign.sqlite"
    process = started(1000)
    try:
        wait_for(lambda: done(path) >= 1)
        worker = workers(process)
        for each in worker:
            each.kill()
        hit = done(path)
        wait_for(lambda: done(path) > hit)
        worker += workers(process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for(lambda: not any(each.is_running() for each in worker))
    with opened(path) as store:
        most = max(store.done()) + 2
    assert main([*COMMAND, str(most)]) == 1
    out = capsys.readouterr().out
    expected = elsewhere(most)
    with opened(path) as store:
        assert store.done() == set(range(most))
        assert {one.fingerprint: one.times for one in store.findings()} == {
            found.fingerprint: sum(f.times for a in expected for f in a.found if f.fingerprint == found.fingerprint)
            for each in expected
            for found in each.found
        }
        assert sum(total.steps for total in store.totals()) == sum(each.steps for each in expected)
        assert all(one.is_shrunk for one in store.findings())
        names = [one.fingerprint for one in store.findings()]
    assert all(name in out for name in names) and "counterexamples/index.html" in out
    folders = [folder for folder in (tmp_path / "counterexamples").iterdir() if folder.is_dir()]
    assert len(folders) == len(names)
    for folder in folders:
        assert main(["replay", str(folder)]) == 1
    assert json.loads((tmp_path / "counterexamples" / "summary.json").read_text())["broken"] == ["calls-well-formed"]
