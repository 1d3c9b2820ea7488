# SPDX-License-Identifier: GPL-2.0-or-later
"""What QEMU traced: a line's time should not follow what is mapped, and be a small multiple of matching it."""

import re
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.timing import Figure, in_turns
from ddwcheck.log import parse
from ddwcheck.record import Judge

LINES = 20_000
MANY, FEW = 16_384, 1_024
"""Live runs: mappings of one I/O page with a free one behind each, so that no two of them join."""


def _put(entry: int, tce: int) -> str:
    return f"spapr_iommu_pci_put liobn=0x80000000 ioba={entry << 12:#x} tce={tce:#x} ret=0"


def _mapped(live: int) -> Judge:
    """The state in which so many runs live."""
    judge = Judge("generated")
    judge.read(enumerate(_put(2 * k, 7 * k << 12 | 3) for k in range(live)))
    return judge


def _churn(live: int) -> list[tuple[int, str]]:
    """Lines that end a mapping and make it again, in no order."""
    drawn, lines = Random(1), list[str]()
    for _ in range(LINES // 2):
        k = drawn.randrange(live)
        lines += _put(2 * k, 0), _put(2 * k, 7 * k << 12 | 3)
    return list(enumerate(lines))


def lines_of_a_record(repetitions: int) -> list[Figure]:
    """The same number of lines in both."""
    full, empty, long, short = _mapped(MANY), _mapped(FEW), _churn(MANY), _churn(FEW)
    many, few = in_turns(lambda: full.read(long), lambda: empty.read(short), repetitions)
    assert [len(judge.windows[0x80000000].runs) for judge in (full, empty)] == [MANY, FEW]
    what = f"a line of QEMU's trace: {MANY:,} live runs / {FEW:,}"
    return [Figure(what, microseconds(many / LINES), microseconds(few / LINES), many / few, 1.5)]


_PUT = re.compile("spapr_iommu_pci_put liobn=(0x[0-9a-f]+) ioba=(0x[0-9a-f]+) tce=(0x[0-9a-f]+) ret=(-?[0-9]+)")


def _matched(path: Path) -> int:
    """The floor: a file's lines, each matched and turned into numbers."""
    with path.open() as file:
        matches = (_PUT.match(line) for line in file)
        return sum(len([int(text, 0) for text in match.groups()]) for match in matches if match)


def whole_command(repetitions: int) -> list[Figure]:
    """All that `ddwcheck log` does with a file of TCE events, kernel lines and tracepoints looked for as well."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace"
        path.write_text("\n".join(line for _, line in _churn(FEW)) + "\n")
        measured, floor = in_turns(lambda: parse(str(path)), lambda: _matched(path), repetitions)
    what = f"a TCE event in ddwcheck log ({LINES / measured:,.0f}/s) / matching its line"
    return [Figure(what, microseconds(measured / LINES), microseconds(floor / LINES), measured / floor, 5)]


def microseconds(value: float) -> str:
    """A time for people."""
    return f"{value * 1e6:.2f} us"
