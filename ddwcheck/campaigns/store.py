# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of a campaign: which units are done, what they did, and each finding once with the shortest trace so far.

An SQLite database in WAL mode. A unit is one transaction, so that after any crash it is there as a whole or not at all, and
other programs may read meanwhile. Whose campaign it is, a lock beside it says.
"""

import fcntl
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddwcheck.campaigns.plan import Unit
from ddwcheck.campaigns.work import Answer
from ddwcheck.log_files import shown

APPLICATION = 0x64647763
"""SQLite's application_id: "ddwc"."""
VERSION = 1
TABLES = """
CREATE TABLE campaign (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE unit (
    number INTEGER PRIMARY KEY, target TEXT NOT NULL, work TEXT NOT NULL, examples INTEGER NOT NULL,
    steps INTEGER NOT NULL, out_of_scope INTEGER NOT NULL, seconds REAL NOT NULL, reached TEXT NOT NULL, checks TEXT NOT NULL
) STRICT;
CREATE TABLE sight (
    unit INTEGER NOT NULL REFERENCES unit (number), fingerprint TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (unit, fingerprint)
) STRICT;
CREATE TABLE finding (
    target TEXT NOT NULL, fingerprint TEXT NOT NULL, invariant TEXT NOT NULL, unit INTEGER NOT NULL, steps INTEGER NOT NULL,
    trace TEXT NOT NULL, shrunk TEXT, PRIMARY KEY (target, fingerprint)
) STRICT;
"""
"""sight: how often a finding came up in a unit. finding: its trace is of `unit`; shrunk is NULL until that has been done."""
KEEP = """
INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET
    unit = excluded.unit, steps = excluded.steps, trace = excluded.trace, shrunk = NULL
    WHERE (excluded.steps, excluded.unit) < (steps, unit)
"""
"""The shortest trace, of several the one of the earliest unit: whichever unit ends first."""


class BadStore(Exception):
    """The file is no store, damaged, another campaign's, or in use; the message is one line."""


class NotKept(Exception):
    """The file cannot be written to, as when the disk is full; what was in it before is still there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A finding in the store. times: how often it came up; trace: as JSON; is_shrunk: it was made as short as it gets."""

    target: str
    fingerprint: str
    invariant: str
    unit: int
    times: int
    trace: dict[str, Any]
    is_shrunk: bool


@dataclass(frozen=True, slots=True)
class Total:
    """What all units of a target and a kind of work did together."""

    target: str
    work: str
    units: int
    examples: int
    steps: int
    out_of_scope: int
    seconds: float


class Store:
    """An open store; `opened` opens one."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db, self.path = connection, path

    def begin(self, identity: dict[str, str]) -> None:
        """Make it the store of a campaign; BadStore if it is another one's."""
        known = dict(self._read("SELECT key, value FROM campaign WHERE key != 'seconds'"))
        for key, value in identity.items():
            if known and known.get(key) != value:
                raise BadStore(f"{_name(self.path)}: kept of another campaign, with {_other(key, known, identity)}")
        if not known:
            with self._writing():
                self._db.executemany("INSERT INTO campaign VALUES (?, ?)", [*identity.items(), ("seconds", "0")])

    def done(self) -> set[int]:
        """Numbers of the units that are done."""
        return {number for (number,) in self._read("SELECT number FROM unit")}

    def seconds(self) -> float:
        """How long the campaign has been running, over all its sessions, until its last unit was kept."""
        return float(self._read("SELECT value FROM campaign WHERE key = 'seconds'")[0][0])

    def add(self, unit: Unit, answer: Answer, seconds: float) -> bool:
        """Keep a unit's answer unless it is there already; whether it was new. seconds: see `seconds`. NotKept if full."""
        target = unit.target.name
        with self._writing():
            row = (
                answer.number, target, str(unit.work), answer.examples, answer.steps, answer.out_of_scope, answer.seconds,
                json.dumps(answer.reached), json.dumps(answer.checks),
            )  # fmt: skip
            if self._db.execute(f"INSERT OR IGNORE INTO unit VALUES ({', '.join('?' * len(row))})", row).rowcount == 0:
                return False
            for found in answer.found:
                self._db.execute("INSERT INTO sight VALUES (?, ?, ?)", (answer.number, found.fingerprint, found.times))
                trace = json.dumps(found.trace)
                self._db.execute(KEEP, (target, found.fingerprint, found.invariant, answer.number, found.steps, trace))
            self._db.execute("UPDATE campaign SET value = ? WHERE key = 'seconds'", (repr(seconds),))
        return True

    def shrunk(self, kept: Kept, trace: dict[str, Any]) -> None:
        """Keep the shorter trace of a finding. NotKept if it cannot."""
        with self._writing():
            self._db.execute(
                "UPDATE finding SET shrunk = ? WHERE target = ? AND fingerprint = ? AND unit = ?",
                (json.dumps(trace), kept.target, kept.fingerprint, kept.unit),
            )

    def findings(self) -> list[Kept]:
        """All of them, by target and name."""
        rows = self._read(
            "SELECT finding.target, finding.fingerprint, invariant, finding.unit, SUM(sight.times), "
            "COALESCE(shrunk, trace), shrunk IS NOT NULL FROM finding JOIN unit ON unit.target = finding.target "
            "JOIN sight ON sight.unit = unit.number AND sight.fingerprint = finding.fingerprint "
            "GROUP BY finding.target, finding.fingerprint ORDER BY finding.target, finding.fingerprint"
        )
        return [
            Kept(target, fingerprint, invariant, unit, times, self._json(trace), bool(is_shrunk))
            for target, fingerprint, invariant, unit, times, trace, is_shrunk in rows
        ]

    def totals(self) -> list[Total]:
        """What was done, by target and kind of work."""
        rows = self._read(
            "SELECT target, work, COUNT(*), SUM(examples), SUM(steps), SUM(out_of_scope), SUM(seconds) FROM unit "
            "GROUP BY target, work ORDER BY MIN(number)"
        )
        return [Total(*row) for row in rows]

    def counted(self, what: str, target: str | None = None) -> Counter[str]:
        """`reached` or `checks` of all units, or of those of a target, added up."""
        total: Counter[str] = Counter()
        for (text,) in self._read(f"SELECT {what} FROM unit WHERE ? IS NULL OR target = ?", target, target):
            total.update(self._json(text))
        return total

    def _read(self, query: str, *values: object) -> list[Any]:
        """The rows of a query. BadStore if they cannot be read."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise BadStore(f"{_name(self.path)}: {error}") from None

    def _json(self, text: str) -> dict[str, Any]:
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise BadStore(f"{_name(self.path)}: damaged: what should be JSON is not")
        return data

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all of it or nothing."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise NotKept(f"{_name(self.path)}: {error}") from None
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """The store in a file, new if there is none. BadStore if it cannot be one, or another process has it."""
    try:
        with path.with_name(f"{path.name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadStore(f"{_name(path)}: another campaign is using it") from None
            with closing(_connected(path)) as connection:
                _prepare(connection, path)
                yield Store(connection, path)
    except OSError as error:
        raise BadStore(f"{_name(path)}: {error.strerror}") from None


def _connected(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise BadStore(f"{_name(path)}: {error}") from None


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check what is there, and make the tables of a new one."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION:
            raise BadStore(f"{_name(path)}: a database, but no campaign's")
        if tables and version != VERSION:
            raise BadStore(f"{_name(path)}: store version {version}, this ddwcheck reads version {VERSION}")
        if tables and (wrong := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise BadStore(f"{_name(path)}: damaged: {' '.join(wrong.split())}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a unit that was kept is there after a power cut, too
        if not tables:
            marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
            connection.executescript(f"BEGIN IMMEDIATE; {TABLES} {marks} COMMIT;")
    except sqlite3.Error as error:
        raise BadStore(f"{_name(path)}: {error}") from None


def _other(key: str, known: dict[str, str], identity: dict[str, str]) -> str:
    """In what two campaigns differ; hashes say nothing to people."""
    return f"other {key}" if key == "sources" else f"{key} {known.get(key)!r} where {identity[key]!r} was asked for"


def _name(path: Path) -> str:
    return shown(str(path))
