# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m benchmarks [REPETITIONS]`: the figures, in one table."""

import platform
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.machine_floor import machine_floor_ratio
from benchmarks.pages import folder_of_a_finding, page_of_a_thousand
from benchmarks.partition_size import memory_of_a_life, time_of_a_life
from benchmarks.range_tables import life_on_one_gib, loops_of_hypercalls
from benchmarks.records import lines_of_a_record, whole_command
from benchmarks.shrinking import finding_among_others, longest_finding
from benchmarks.storms import scenarios_a_second
from benchmarks.timing import Figure, Measurement

MEASUREMENTS: tuple[Measurement, ...] = (
    time_of_a_life,
    memory_of_a_life,
    loops_of_hypercalls,
    life_on_one_gib,
    machine_floor_ratio,
    scenarios_a_second,
    lines_of_a_record,
    whole_command,
    finding_among_others,
    longest_finding,
    folder_of_a_finding,
    page_of_a_thousand,
)
REPETITIONS = 15


def verdict(figure: Figure) -> str:
    """The target, and whether it was met."""
    if figure.target is None:
        return "-"
    return f"<= {figure.target:g} {'met' if figure.ratio <= figure.target else 'MISSED'}"


def main(arguments: list[str]) -> int:
    """Measure and print. A missed target is printed, no failure: times are not tests. 2 for a bad argument."""
    console = Console(width=100)
    if len(arguments) > 1 or not all(a.isdecimal() and int(a) > 0 for a in arguments):
        console.print("usage: python -m benchmarks [REPETITIONS]")
        return 2
    repetitions = int(arguments[0]) if arguments else REPETITIONS
    figures = [figure for measure in MEASUREMENTS for figure in measure(repetitions)]
    table = Table("what", "measured", "peer", "ratio", "target")
    for figure in figures:
        table.add_row(figure.what, figure.measured, figure.peer, f"{figure.ratio:.2f}", verdict(figure))
    console.print(table)
    console.print(
        f"Figures of: python -m benchmarks {repetitions}\n"
        f"Medians of {repetitions} interleaved repetitions (a life on 1 GiB: {max(3, repetitions // 3)}), "
        f"Python {platform.python_version()} on {platform.machine()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
