# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line. Exit codes: 0 all green, 1 a counterexample, 2 bad usage or bad input, 3 inconclusive."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from typer.exceptions import TyperException

from conformance.kernel.sources import VERSIONS
from conformance.kernel.worker import HarnessError
from ddwcheck import BAD_INPUT, BadInput, Verdict, explain_events
from ddwcheck.binary import Wish as Decisions
from ddwcheck.binary import compare as compare_binary
from ddwcheck.boot import run as boot_kernels
from ddwcheck.defects import Wish as Bugs
from ddwcheck.defects import record as record_of_bugs
from ddwcheck.doctor import TASKS, examine
from ddwcheck.examples import epilog
from ddwcheck.explain import Question
from ddwcheck.explain import explain as explain_decision
from ddwcheck.explore import Wish as Small
from ddwcheck.explore import explore as explore_all
from ddwcheck.findings import generate as generate_findings
from ddwcheck.formats import Format, Rendered, rendered
from ddwcheck.formats.text import VerdictsInColour
from ddwcheck.kernel import Wish
from ddwcheck.kernel import judge as judge_kernel
from ddwcheck.log import check as check_logs
from ddwcheck.page_files import page as write_page
from ddwcheck.prove import Wish as Theorems
from ddwcheck.prove import prove as prove_theorems
from ddwcheck.qemu import again as replay_calls
from ddwcheck.qemu import judge as judge_qemu
from ddwcheck.readme import check as check_readme
from ddwcheck.replay import replay as replay_trace
from ddwcheck.rules import judge as judge_rules
from ddwcheck.sources import get as get_sources
from model.defects import REFERENCE, RELEASES, catalogue
from model.profiles import PROFILES
from model.trace import EVENTS
from proofs.judged import Question as Asked

Answer: TypeAlias = tuple[list[str], Verdict] | Rendered
"""What a command answers: the lines it prints and its verdict; Rendered where the user chooses the format."""

app = typer.Typer(
    rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False,
    help="Verification suite for Dynamic DMA Windows of Linux on PowerVM and KVM.",
    epilog="Exit codes: 0 all green, 1 a counterexample, 2 bad usage or bad input, 3 inconclusive.",
)  # fmt: skip

Release = Annotated[
    str | None,
    typer.Option(
        metavar="|".join((REFERENCE, *RELEASES)), help="Whose rules: the reference's or Linux's.",
        autocompletion=lambda: [REFERENCE, *RELEASES],
    ),
]  # fmt: skip
Form = Annotated[Format, typer.Option("--format", help="For people, kernel CI, code review, or programs.")]


@app.command(epilog=epilog("log"))
def log(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Kernel logs, traces of QEMU.")],
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to leave what breaks a rule, as folders and a page.")
    ] = None,
    form: Form = Format.TEXT,
) -> Answer:
    """Replay the DDW lines of kernel logs through the model: what was decided, and does any line break a rule?"""
    return rendered(check_logs(files, out), form)


@app.command(epilog=epilog("explain"))
def explain(
    trace: Annotated[
        str | None, typer.Argument(metavar="[TRACE]", help="A trace.json or its folder: tell its events instead.")
    ] = None,
    *,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="An event, as map or set-mask: tell what the kernel does on it.",
            autocompletion=lambda: list(map(explain_events.dashed, EVENTS)),
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(metavar="|".join(PROFILES), help="The platform.", autocompletion=lambda: list(PROFILES))
    ] = "powervm-dedicated",
    ram_max: Annotated[str, typer.Option(metavar="SIZE", help="Highest address RAM may ever have.")] = "64G",
    block: Annotated[str | None, typer.Option(metavar="TCES", help="Largest block that query offers, in TCEs.")] = None,
    pages: Annotated[str | None, typer.Option(metavar="MASK", help="Page-size mask that query answers.")] = None,
    vpmem: Annotated[bool, typer.Option("--vpmem", help="The partition has persistent memory.")] = False,
    mask: Annotated[str, typer.Option(metavar="BITS", help="Bits of the device's DMA mask, 1 to 64.")] = "64",
    release: Release = None,
) -> Answer:
    """Print how the kernel decides on a window, or what it does on an event or a whole trace, function by function."""
    if trace is not None and event is not None:
        raise BadInput("a trace or --event, not both")
    if trace is not None:
        return explain_events.trace(trace, release)
    if event is not None:
        return explain_events.one(event)
    question = Question.of(
        profile=profile, ram_max=ram_max, block=block, pages=pages, vpmem=vpmem, mask=mask, release=release
    )
    return explain_decision(question)


@app.command(epilog=epilog("explore"))
def explore(
    *,
    profile: Annotated[
        str, typer.Option(metavar="|".join(PROFILES), help="The platform.", autocompletion=lambda: list(PROFILES))
    ] = "powervm-dedicated",
    depth: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Events in a row.")] = 3,
    release: Release = None,
    time: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Give up after that.")] = 300,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where a counterexample goes.")] = "counterexamples",
) -> Answer:
    """Go through every sequence of events, failures among them, of a partition of 4 blocks, 16 TCEs and 2 functions."""
    return explore_all(Small(profile, release or REFERENCE, depth, time, out))


@app.command(epilog=epilog("kernel"))
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
    form: Form = Format.TEXT,
) -> Answer:
    """Compile a tree's DDW code as it is, run it on the model's hypervisor, and say which invariants it breaks."""
    wish = Wish(tree, time, seed, baseline, update_baseline, against, since, out, sanitize, coverage)
    return rendered(judge_kernel(wish), form)


@app.command(epilog=epilog("prove"))
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
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to leave what is refuted, as folders and a page.")
    ] = None,
    form: Form = Format.TEXT,
) -> Answer:
    """Prove the theorems about the model's decisions, or say which of them a release of Linux loses."""
    question = Asked(release or REFERENCE, seed, second)
    return rendered(prove_theorems(Theorems(theorems or (), question, report, not no_cache, jobs, out)), form)


@app.command(epilog=epilog("binary"))
def binary(
    *,
    theorems: Annotated[
        list[str] | None,
        typer.Argument(metavar="[THEOREM...]", help="Theorems, functions, or patterns of these; by default all."),
    ] = None,
    release: Annotated[list[str] | None, typer.Option(metavar="RELEASE", help="Of Linux; by default all.")] = None,
    python: Annotated[str, typer.Option(metavar="FILE", help="The Python that has angr.")] = ".venv-angr/bin/python",
    cache: Annotated[str | None, typer.Option(metavar="FOLDER", help="Where sources and programs are kept.")] = None,
) -> Answer:
    """Prove that the compiled code of a release decides what the model's rules of that release say."""
    return compare_binary(Decisions(theorems or (), release or (), python, cache))


@app.command(epilog=epilog("replay"))
def replay(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A trace.json, or the folder that holds it.")],
    release: Release = None,
    fixed_defects: Annotated[
        str, typer.Option(metavar="none|all|ID,...", help="Defects that the trace names, taken as fixed.")
    ] = "none",
    tree: Annotated[str | None, typer.Option(metavar="TREE", help="A kernel tree whose C to run.")] = None,
    sanitize: Annotated[bool, typer.Option("--sanitize", help="That, with ASan and UBSan.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print each call, and draw what broke.")] = False,
    form: Form = Format.TEXT,
) -> Answer:
    """Run a kept trace again, judge every step, and compare the calls with those that were recorded."""
    return rendered(replay_trace(path, release, fixed_defects, tree, sanitize, verbose), form)


@app.command(epilog=epilog("qemu"))
def qemu(
    *,
    calls: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="How many calls to make.")] = 100_000,
    accesses: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="And accesses of a device.")] = 10_000,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Where the random choices start.")] = 0,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where a counterexample goes.")] = "counterexamples",
    replay: Annotated[
        str | None, typer.Option(metavar="PATH", help="Instead: a calls.json, or the folder that holds it, once more.")
    ] = None,
    form: Form = Format.TEXT,
) -> Answer:
    """Make random RTAS calls and hypercalls on a real QEMU, let a device do DMA, and compare with what is expected."""
    if replay is not None:
        return rendered(replay_calls(replay), form)
    return rendered(judge_qemu(calls, accesses, seed, out), form)


@app.command(epilog=epilog("boot"))
def boot(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="By default all.")] = None,
    keep: Annotated[str | None, typer.Option(metavar="DIR", help="Where to leave the records, for log.")] = None,
) -> Answer:
    """Boot kernels of Debian in QEMU, with memory and devices that come and go, and judge what they do."""
    return boot_kernels(names or [], keep)


@app.command(epilog=epilog("campaign"))
def campaign(
    *,
    guests: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[GUEST...]",
            help=f"{REFERENCE}, a release whose C is run ({', '.join(VERSIONS)}), or a kernel tree.",
        ),
    ] = None,
    hours: Annotated[float | None, typer.Option(metavar="HOURS", min=0, help="How long in all; by default 8.")] = None,
    minutes: Annotated[float | None, typer.Option(metavar="MINUTES", min=0, help="And so much more.")] = None,
    units: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Ends with so many of the plan's units.")
    ] = None,
    examples: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Examples of one unit.")] = 100,
    sweeps: Annotated[bool, typer.Option(help="Also go through what needs no seed, as the main job does.")] = True,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Where the random choices start.")] = 0,
    defect: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A defect that the reference gets.", autocompletion=lambda: list(catalogue())),
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Processes.")] = os.cpu_count() or 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask cluster instead, as in tcp://host:8786.")
    ] = None,
    store: Annotated[str, typer.Option(metavar="FILE", help="Keeps all; go on with it.")] = "campaign.sqlite",
    again: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Examples of an earlier campaign, STORE.examples, to begin with."),
    ] = None,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where counterexamples go.")] = "counterexamples",
    form: Form = Format.TEXT,
) -> Answer:
    """Run machines on platforms and guests for hours, on all cores or a cluster; what was found survives any end of it."""
    from ddwcheck.campaigns import command  # noqa: PLC0415 a second for Dask, which no other verb needs

    endless = hours is None and minutes is None
    seconds = None if endless and units else 3600 * (8 if endless else hours or 0) + 60 * (minutes or 0)
    wish = command.Wish(
        guests or (), defect or (), seconds, units, examples, sweeps, seed, jobs, scheduler, store, again, out
    )  # fmt: skip
    return rendered(command.judge(wish), form)


@app.command(epilog=epilog("page"))
def page(
    folders: Annotated[list[str], typer.Argument(metavar="FOLDER...", help="Counterexamples, or folders of them.")],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="The page, by default index.html in FOLDER.")
    ] = None,
) -> Answer:
    """Write one page of counterexamples, to look at in a browser: it needs no other file and no network."""
    return write_page(folders, out)


@app.command(epilog=epilog("sources"))
def sources(
    versions: Annotated[
        list[str] | None, typer.Argument(metavar="[VERSION...]", help=f"By default {', '.join(VERSIONS)}.")
    ] = None,
    cache: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where they are kept, by default ddwcheck in the user's cache.")
    ] = None,
) -> Answer:
    """Fetch the kernel sources that Debian ships, unless they are there, and print where each is."""
    return get_sources(versions or VERSIONS, cache)


@app.command(epilog=epilog("rules"))
def rules(
    tree: Annotated[
        str | None, typer.Argument(metavar="[TREE]", help="A kernel tree, or a linux-source-*.tar.xz.")
    ] = None,
) -> Answer:
    """Print which kernel functions each rule of the guest restates, or say which of them a tree does not have."""
    return judge_rules(tree)


@app.command(epilog=epilog("findings"))
def findings(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="F1, Q3, ...; by default all.")] = None,
    path: Annotated[str, typer.Option(metavar="FILE", help="What lists them.")] = "FINDINGS.md",
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where their folders go.")] = "findings",
) -> Answer:
    """Make the counterexample of each listed finding anew, on the kernel's C and on QEMU, as a folder of its own."""
    return generate_findings(path, out, names or [])


@app.command(epilog=epilog("defects"))
def defects(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Told whole; by default all.")] = None,
    *,
    seeds: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Search for each so often, too.")] = 0,
    time: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Give each search up after that.")] = 60,
    prove: Annotated[bool, typer.Option("--prove", help="Ask the theorems about each rule, too.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write the counterexample of each below it.")
    ] = None,
) -> Answer:
    """Show each DDW bug of Linux's history again by its trace, and say which invariant catches it."""
    return record_of_bugs(Bugs(names or (), seeds, time, prove, out))


@app.command(epilog=epilog("doctor"))
def doctor(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WHAT...]", help=f"Any of {', '.join(TASKS)}: exit 3 if something for it is missing.",
            autocompletion=lambda: list(TASKS),
        ),
    ] = None,
) -> Answer:  # fmt: skip
    """Say what is installed, and what each missing piece would enable and how to get it."""
    return examine(wanted or [])


@app.command(epilog=epilog("readme"))
def readme(
    write: Annotated[bool, typer.Option("--write", help="Write them instead of checking.")] = False,
    path: Annotated[str, typer.Option(metavar="FILE", help="The README.")] = "README.md",
) -> Answer:
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
        _complain("interrupted")
        return Verdict.INCONCLUSIVE.value
    return _print(*answer) if isinstance(answer, tuple) else 0


def _print(report: list[str], verdict: Verdict, plain: bool = False) -> int:
    """Print a report; one that nobody reads to its end, as in `| head`, has the same verdict. plain: never in colours."""
    try:
        screen = Console(soft_wrap=True, highlighter=VerdictsInColour(), markup=False, emoji=False)
        if plain or not screen.is_terminal:
            typer.echo("\n".join(report))
        else:
            screen.print("\n".join(report))
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
