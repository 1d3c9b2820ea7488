# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line. Exit codes: 0 all green, 1 a counterexample, 2 bad usage or bad input, 3 inconclusive."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer
from typer.exceptions import TyperException

from conformance.kernel.sources import VERSIONS
from conformance.kernel.worker import HarnessError
from ddwcheck import BAD_INPUT, BadInput, Verdict
from ddwcheck.explain import Question
from ddwcheck.explain import explain as explain_decision
from ddwcheck.kernel import Wish
from ddwcheck.kernel import judge as judge_kernel
from ddwcheck.log import check as check_logs
from ddwcheck.prove import Wish as Theorems
from ddwcheck.prove import prove as prove_theorems
from ddwcheck.qemu import judge as judge_qemu
from ddwcheck.readme import check as check_readme
from ddwcheck.replay import replay as replay_trace
from ddwcheck.sources import get as get_sources
from model.defects import REFERENCE, RELEASES
from model.profiles import PROFILES
from proofs.judged import Question as Asked

Outcome: TypeAlias = tuple[list[str], Verdict]
"""What a command answers: the lines it prints, and its verdict."""

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False,
    help="Verification suite for Dynamic DMA Windows of Linux on PowerVM and KVM.",
)  # fmt: skip

Release = Annotated[
    str | None, typer.Option(metavar="|".join((REFERENCE, *RELEASES)), help="Whose rules: the reference's or Linux's.")
]


@app.command()
def log(files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Kernel logs, traces of QEMU.")]) -> Outcome:
    """Replay the DDW lines of kernel logs through the model: what was decided, and does any line break a rule?"""
    return check_logs(files)


@app.command()
def explain(
    *,
    profile: Annotated[str, typer.Option(metavar="|".join(PROFILES), help="The platform.")] = "powervm-dedicated",
    ram_max: Annotated[str, typer.Option(metavar="SIZE", help="Highest address RAM may ever have.")] = "64G",
    block: Annotated[str | None, typer.Option(metavar="TCES", help="Largest block that query offers, in TCEs.")] = None,
    pages: Annotated[str | None, typer.Option(metavar="MASK", help="Page-size mask that query answers.")] = None,
    vpmem: Annotated[bool, typer.Option("--vpmem", help="The partition has persistent memory.")] = False,
    mask: Annotated[str, typer.Option(metavar="BITS", help="Bits of the device's DMA mask, 1 to 64.")] = "64",
    release: Release = None,
) -> Outcome:
    """Print how the kernel decides on a window, step by step, and draw the bus addresses that come out."""
    question = Question.of(
        profile=profile, ram_max=ram_max, block=block, pages=pages, vpmem=vpmem, mask=mask, release=release
    )
    return explain_decision(question)


@app.command()
def kernel(
    *,
    tree: Annotated[str, typer.Argument(metavar="TREE", help="A kernel tree, or a linux-source-*.tar.xz.")],
    time: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to look.")] = 60,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Where the random choices start.")] = 0,
    baseline: Annotated[str | None, typer.Option(metavar="FILE", help="Findings that are known.")] = None,
    update_baseline: Annotated[bool, typer.Option("--update-baseline", help="Write what was found to it.")] = False,
    against: Annotated[str | None, typer.Option(metavar="TREE", help="Only what that tree does not break.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="REV", help="The same, against a revision of a git tree.")
    ] = None,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where counterexamples go.")] = "counterexamples",
    sanitize: Annotated[bool, typer.Option("--sanitize", help="With ASan and UBSan, slower.")] = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="Say which lines and branches ran, by gcov.")] = False,
) -> Outcome:
    """Compile a tree's DDW code as it is, run it on the model's hypervisor, and say which invariants it breaks."""
    return judge_kernel(Wish(tree, time, seed, baseline, update_baseline, against, since, out, sanitize, coverage))


@app.command()
def prove(
    *,
    theorems: Annotated[
        list[str] | None,
        typer.Argument(metavar="[THEOREM...]", help="Ids, files, or patterns of these; by default all."),
    ] = None,
    release: Release = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Where z3's random choices start.")] = 0,
    second: Annotated[bool, typer.Option("--second", help="Ask further solvers, too.")] = False,
    report: Annotated[str, typer.Option(metavar="FILE", help="The report, as JSON.")] = "proofs/report.json",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Prove anew what is known to be proved.")] = False,
    jobs: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Processes.")] = os.cpu_count() or 1,
) -> Outcome:
    """Prove the theorems about the model's decisions, or say which of them a release of Linux loses."""
    question = Asked(release or REFERENCE, seed, second)
    return prove_theorems(Theorems(theorems or (), question, report, not no_cache, jobs))


@app.command()
def replay(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A trace.json, or the folder that holds it.")],
    release: Release = None,
    fixed_defects: Annotated[
        str, typer.Option(metavar="none|all|ID,...", help="Defects that the trace names, taken as fixed.")
    ] = "none",
    tree: Annotated[str | None, typer.Option(metavar="TREE", help="A kernel tree whose C to run.")] = None,
    sanitize: Annotated[bool, typer.Option("--sanitize", help="That, with ASan and UBSan.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print each call, and draw what broke.")] = False,
) -> Outcome:
    """Run a kept trace again, judge every step, and compare the calls with those that were recorded."""
    return replay_trace(path, release, fixed_defects, tree, sanitize, verbose)


@app.command()
def qemu(
    *,
    calls: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="How many calls to make.")] = 100_000,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Where the random choices start.")] = 0,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where a counterexample goes.")] = "counterexamples",
) -> Outcome:
    """Make random RTAS calls and hypercalls on a real QEMU, and compare with what is expected of it."""
    return judge_qemu(calls, seed, out)


@app.command()
def sources(
    versions: Annotated[
        list[str] | None, typer.Argument(metavar="[VERSION...]", help=f"By default {', '.join(VERSIONS)}.")
    ] = None,
    cache: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where they are kept, by default ddwcheck in the user's cache.")
    ] = None,
) -> Outcome:
    """Fetch the kernel sources that Debian ships, unless they are there, and print where each is."""
    return get_sources(versions or VERSIONS, cache)


@app.command()
def readme(
    write: Annotated[bool, typer.Option("--write", help="Write them instead of checking.")] = False,
    path: Annotated[str, typer.Option(metavar="FILE", help="The README.")] = "README.md",
) -> Outcome:
    """Check that the generated tables of README.md are what the code says, or write them anew."""
    return check_readme(path, write)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        answer = app(args=list(given), prog_name="ddwcheck", standalone_mode=False)
    except BadInput as bad:
        return _complain(str(bad))
    except TyperException as usage:
        return _complain(usage.format_message())
    except HarnessError as broken:
        _complain(f"the harness broke: {broken}")
        return Verdict.INCONCLUSIVE.value
    except typer.Abort:
        return _complain("interrupted")
    return _print(*answer) if isinstance(answer, tuple) else 0


def _print(report: list[str], verdict: Verdict) -> int:
    """Print a report; one that nobody reads to its end, as in `| head`, has the same verdict."""
    try:
        typer.echo("\n".join(report))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the interpreter's own last flush
    return verdict.value


def _complain(message: str) -> int:
    """One line on stderr."""
    typer.echo("ddwcheck: " + " ".join(message.split()), err=True)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
