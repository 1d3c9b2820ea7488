# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m benchmarks`: the figures, in one table."""

import os
import platform
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from typer import Argument, Option

from benchmarks.machine_floor import machine_floor_ratio
from benchmarks.pages import folder_of_a_finding, page_of_a_thousand
from benchmarks.partition_size import memory_of_a_life, time_of_a_life
from benchmarks.range_tables import life_on_one_gib, loops_of_hypercalls
from benchmarks.records import lines_of_a_record, whole_command
from benchmarks.shrinking import finding_among_others, longest_finding
from benchmarks.spin import beside_spin
from benchmarks.storms import scenarios_a_second
from benchmarks.timing import Figure, Measurement

MEASUREMENTS: tuple[Measurement, ...] = (
    time_of_a_life,
    memory_of_a_life,
    loops_of_hypercalls,
    life_on_one_gib,
    machine_floor_ratio,
    beside_spin,
    scenarios_a_second,
    lines_of_a_record,
    whole_command,
    finding_among_others,
    longest_finding,
    folder_of_a_finding,
    page_of_a_thousand,
)
REPETITIONS = 15
HEAD = ("what", "measured", "peer", "ratio", "target")


def verdict(figure: Figure) -> str:
    """The target, and whether it was met."""
    if figure.target is None:
        return "-"
    return f"<= {figure.target:g} {'met' if figure.ratio <= figure.target else 'MISSED'}"


def markdown(figures: list[Figure], said: str) -> str:
    """The figures as a page that can be kept."""
    rows = [(f.what, f.measured, f.peer, f"{f.ratio:.2f}", verdict(f)) for f in figures]
    lines = [f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *rows)]
    title = "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n# Measurements\n"
    return "\n".join([title, *said.splitlines(), "", *lines, ""])


def main(
    repetitions: Annotated[int, Argument(min=1, help="How often each pair is measured.")] = REPETITIONS,
    write: Annotated[Path | None, Option(help="Keep the figures in this file, too.", dir_okay=False)] = None,
) -> None:
    """Measure and print. A missed target is printed, no failure: times are not tests."""
    console = Console(width=100)
    figures = [figure for measure in MEASUREMENTS for figure in measure(repetitions)]
    table = Table(*HEAD)
    for figure in figures:
        table.add_row(figure.what, figure.measured, figure.peer, f"{figure.ratio:.2f}", verdict(figure))
    console.print(table)
    said = (
        f"Figures of: python -m benchmarks {repetitions}\n"
        f"Medians of {repetitions} interleaved repetitions (a life on 1 GiB: {max(3, repetitions // 3)}), "
        f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} CPUs"
    )
    console.print(said)
    if write is not None:
        try:
            write.write_text(markdown(figures, said))
        except OSError as error:
            typer.echo(f"{write}: {error.strerror}", err=True)
            raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
