# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck explain`: one decision step by step, each step with the kernel function it restates.

The model runs; what it asked and was answered is printed as it happened. Numbers in between come from the same rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ddwcheck import BadInput, Verdict, sizes, terminal_map, wrapped
from ddwcheck.bus_map import nearest, seen
from model.calls import RtasAnswer, RtasCall
from model.defects import REFERENCE, RELEASES, apply, of_release
from model.events import SetMask, Step
from model.guest.enable import Outcome
from model.guest.kernel import Kernel
from model.guest.sizing import MIN_DYNAMIC_SHIFT, PAGE_SHIFT_OF_BIT
from model.hypervisor.papr import Papr
from model.interfaces import MaskAnswer
from model.ledger import Crossing
from model.profiles import PROFILES, Lpar, Profile
from model.run import InvariantBroken, Run
from model.types import GIB, MIB, BusAddress, DmaMask, PhysAddr, Span
from model.words import word

LMB = 16 * MIB
"""The smallest unit in which a partition gets memory."""

LARGEST_RAM = 1 << 51
"""Linux: MAX_PHYSMEM_BITS."""

CLEAN = "clean_dma_window()"
OPENED = (Outcome.DIRECT, Outcome.DYNAMIC, Outcome.SPLIT)
WHY = {
    Outcome.NOT_APPLICABLE: "firmware offers no DDW for this node",
    Outcome.QUERY_FAILED: "query answered an error",
    Outcome.LIMITED_NOT_OFFERED: "the mask has less than 64 bits and ibm,ddw-extensions has no limited addressing",
    Outcome.LIMITED_FAILED: "the reset for limited addressing answered an error",
    Outcome.NO_DEFAULT: "no window is left and there is no default window to give up",
    Outcome.NO_RESET: "no window is left, and without a reset the default window could not come back",
    Outcome.NO_WINDOW: "query offers no window even without the default one",
    Outcome.NO_PAGE_SIZE: "the page-size mask names no page size that the kernel knows",
    Outcome.NO_BLOCK: "the largest window does not hold one I/O page",
    Outcome.CREATE_FAILED: "create answered an error",
    Outcome.UNREACHABLE: "the device's mask does not reach the window",
}
"""Why DDW is refused."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: platform, partition, the device's mask in bits, whose rules."""

    profile: Profile
    ram_max: int
    vpmem: bool
    bits: int
    release: str

    @classmethod
    def of(
        cls, *, profile: str, ram_max: str, block: str | None, pages: str | None, vpmem: bool, mask: str,
        release: str | None,
    ) -> "Question":  # fmt: skip
        """The question as the command line puts it; BadInput if it makes no sense."""
        if profile not in PROFILES:
            raise BadInput(f"--profile: {profile!r} is none of {', '.join(PROFILES)}")
        rules = REFERENCE if release is None else release
        if rules not in (REFERENCE, *RELEASES):
            raise BadInput(f"--release: {release!r} is none of {', '.join((REFERENCE, *RELEASES))}")
        platform = PROFILES[profile]
        ram = sizes.parse(ram_max, "--ram-max")
        if ram == 0 or ram % LMB or ram > LARGEST_RAM:
            raise BadInput(f"--ram-max: {ram_max!r} is no multiple of 16M up to 2^51")
        entries = platform.block if block is None else sizes.parse(block, "--block")
        if entries == 0:
            raise BadInput("--block: at least one TCE")
        page_mask = platform.pages if pages is None else sizes.parse(pages, "--pages")
        if not 0 < page_mask < 1 << 32:
            raise BadInput(f"--pages: {pages!r} is no mask of 32 bits with a bit set")
        if not (mask.isascii() and mask.isdigit() and len(mask) <= 2 and 1 <= int(mask) <= 64):
            raise BadInput(f"--mask: {mask!r} is no number of bits from 1 to 64")
        return cls(replace(platform, block=entries, pages=page_mask), ram, vpmem, int(mask), rules)


class Answer(NamedTuple):
    """What the run came to."""

    run: Run
    kernel: Kernel
    crossings: list[Crossing]
    outcome: Outcome | None
    mask: MaskAnswer | None
    broken: InvariantBroken | None


def explain(question: Question) -> tuple[list[str], Verdict]:
    """The report and the verdict: VIOLATED where a release's decision breaks an invariant."""
    answer = _run(question)
    lines = list(_given(question))
    for number, (function, text) in enumerate(_steps(question, answer), 1):
        lines.append(f"{number:2}. {function}: {text}")
    lines += ["", *_map(question.profile, answer)]
    lines += ["", *terminal_map.lines(nearest(seen(answer.run, 0)))]
    if answer.broken is not None:
        lines += ["", *(f"BROKEN: {v.invariant}: {v.message}" for v in answer.broken.violations)]
    report = [part for line in lines for part in wrapped(line)]
    return report, Verdict.HOLDS if answer.broken is None else Verdict.VIOLATED


def _run(question: Question) -> Answer:
    """Boot a partition with all its RAM online, and let its driver set the mask."""
    defects = of_release(question.release)
    # vPMEM lies where simple_lpar() puts it: above twice the RAM maximum.
    vpmem = (Span(PhysAddr(2 * question.ram_max), PhysAddr(2 * question.ram_max + 16 * GIB)),) if question.vpmem else ()
    ram = Span(PhysAddr(0), PhysAddr(question.ram_max))
    lpar = Lpar((ram,), (0,), PhysAddr(question.ram_max), vpmem, tuple(range(len(vpmem))))
    run = Run(question.profile, lpar, apply(Kernel, defects), apply(Papr, defects))
    assert isinstance(run.guest, Kernel)
    mask, broken = None, None
    try:
        said = run.step(Step(SetMask(0, DmaMask((1 << question.bits) - 1))))
        mask = said if isinstance(said, MaskAnswer) else None
    except InvariantBroken as reason:
        broken = reason
        said = run.history[-1].answer
        mask = said if isinstance(said, MaskAnswer) else None
    ended = [branch.removeprefix("enable: ") for branch in run.reached if branch.startswith("enable: ")]
    outcome = Outcome(ended[0]) if ended else None
    return Answer(run, run.guest, list(run.history[-1].crossings), outcome, mask, broken)


def _given(question: Question) -> Iterator[str]:
    profile = question.profile
    rules = "the reference" if question.release == REFERENCE else f"Linux {question.release}"
    vpmem = "with vPMEM" if question.vpmem else "without vPMEM"
    yield (
        f"{profile.name}: {profile.windows} window{'s' if profile.windows > 1 else ''} per PE, "
        f"block {profile.block:#x} TCEs, pages {_pages(profile.pages)}"
    )
    yield f"RAM up to {sizes.both(question.ram_max)}, {vpmem}; a {question.bits}-bit device; rules of {rules}"
    yield ""


def _steps(question: Question, answer: Answer) -> Iterator[tuple[str, str]]:
    """Kernel function and what it did, in the kernel's order."""
    if answer.outcome is None:
        text = f"a mask of {question.bits} bits reaches nothing above 4 GiB: DDW is not tried"
        yield "iommu_bypass_supported_pSeriesLP()", text
    else:
        for crossing in _before_create(answer.crossings):
            yield from _call(crossing)
        if any(crossing.name == "query" for crossing in answer.crossings):
            yield from _sizing(question, answer)
        for crossing in answer.crossings[len(_before_create(answer.crossings)) :]:
            yield from _call(crossing, "iommu_table_clear()" if answer.outcome in OPENED else CLEAN)
        yield from _committed(answer)
    yield "dma_iommu_dma_supported()", _mask_answer(question, answer)


def _before_create(crossings: list[Crossing]) -> list[Crossing]:
    """What crossed before the window was created; all of it if none was, less the undoing."""
    names = [crossing.name for crossing in crossings]
    if "create" in names:
        return crossings[: names.index("create")]
    last_query = max((k for k, name in enumerate(names) if name == "query"), default=-1)
    return crossings[: last_query + 1]


def _call(crossing: Crossing, clears: str = CLEAN) -> Iterator[tuple[str, str]]:
    """One RTAS call, or the hypercalls of one loop. clears: the kernel function that clears TCEs here."""
    call, answer = crossing.call, crossing.answer
    status = f"{answer.status.name} ({answer.status.value})"
    if not isinstance(call, RtasCall):
        function = clears if crossing.name == "H_STUFF_TCE" else "tce_setrange_multi_pSeriesLP()"
        entries = getattr(call, "entries", 1)
        yield function, f"{entries:#x} TCEs from {call.ioba:#x} on, {crossing.name}: {status}"
        return
    assert isinstance(answer, RtasAnswer)
    out = answer.outputs
    if crossing.name == "query":
        windows, block, pages = (out[0], out[1] << 32 | out[2], out[3]) if call.nret == 6 else out[:3]
        text = f"{call.nret} outputs: windows {windows}, block {block:#x} TCEs, pages {_pages(pages)}: {status}"
        yield "query_ddw()", text
    elif crossing.name == "create":
        page, window = call.args[3], call.args[4]
        made = f", LIOBN {out[0]:#x} at {out[1] << 32 | out[2]:#x}" if answer.status == 0 else ""
        yield "create_ddw()", f"{sizes.page(page)} pages, window {sizes.power(window)}: {status}{made}"
    elif crossing.name == "remove":
        yield "__remove_dma_window()", f"LIOBN {call.args[0]:#x}: {status}"
    elif len(call.args) == 4:
        yield "limited_dma_window()", f"the mask has less than 64 bits: reset with limited addressing: {status}"
    else:
        yield "reset_dma_window()", f"windows as at boot: {status}"


def _sizing(question: Question, answer: Answer) -> Iterator[tuple[str, str]]:
    """The pure decisions, on the last query's answer."""
    kernel, ledger = answer.kernel, answer.run.ledger
    offer = ledger.offers.get(0)
    if offer is None or answer.outcome in (Outcome.LIMITED_NOT_OFFERED, Outcome.LIMITED_FAILED, Outcome.NO_RESET):
        return
    if offer.windows == 0:
        return
    page_shift = kernel.largest_page_shift(word(offer.pages))
    if page_shift == 0:
        yield "iommu_get_page_shift()", f"{offer.pages:#x} names no page size that the kernel knows"
        return
    yield "iommu_get_page_shift()", f"largest of {_pages(offer.pages)}: {sizes.page(page_shift)}, shift {page_shift}"
    largest = kernel.largest_window_shift(word(offer.block), page_shift, word((1 << question.bits) - 1))
    text = f"{offer.block:#x} TCEs of {sizes.page(page_shift)}, mask of {question.bits} bits: largest window"
    yield "enable_ddw(), ddw_sz", f"{text} {sizes.power(largest)}"
    if largest < page_shift:
        return
    ram = kernel.ram_shift(word(question.ram_max))
    text = f"order_base_2({question.ram_max:#x}) = {ram}: RAM needs {sizes.power(ram)}"
    yield "enable_ddw(), max_ram_len", text
    gave_up = [crossing.name for crossing in answer.crossings].count("query") > 1
    shared = question.vpmem and gave_up
    plan = kernel.devices[0].node.plan
    if plan is None:
        return
    yield "enable_ddw(), split or not", _plan_text(int(largest), int(ram), int(plan.direct.size), shared, gave_up)
    parts = [("direct", plan.direct), ("dynamic", plan.dynamic)]
    named = [f"{name} {sizes.both(part.size)} at +{part.start:#x}" for name, part in parts if part.size]
    yield "enable_ddw(), plan", f"window {sizes.power(plan.shift)}: {', '.join(named)}"


def _plan_text(largest: int, ram: int, direct: int, shared: bool, gave_up: bool) -> str:
    """Why the window is shared as it is."""
    if largest < ram:
        return f"RAM does not fit: 2^{ram} > 2^{largest}; the whole window is dynamic"
    if not shared:
        other = "there is no vPMEM" if gave_up else "the default window stays for all else"
        return f"RAM fits: 2^{ram} <= 2^{largest}, and {other}: the whole window is direct"
    left = (1 << largest) - (1 << ram)
    need = f"vPMEM has this window alone and needs {sizes.human(1 << MIN_DYNAMIC_SHIFT)} or one page"
    if direct:
        return f"{need}: 2^{largest} - 2^{ram} = {sizes.both(left)} is left, enough: the window is split"
    return f"{need}: 2^{largest} - 2^{ram} = {sizes.both(left)} is too little: the whole window is dynamic"


def _committed(answer: Answer) -> Iterator[tuple[str, str]]:
    """How enable ended."""
    if answer.outcome not in OPENED:
        why = f": {WHY[answer.outcome]}" if answer.outcome in WHY else ""
        yield "enable_ddw(), out_failed", f"DDW is refused: {answer.outcome}{why}"
        return
    node = answer.kernel.devices[0].node
    table = node.tables.get("ddw")
    if table is not None:
        span = f"{table.span.start:#x} to {table.span.stop - 1:#x}"
        yield "iommu_table_setparms_common()", f"dynamic TCEs from {span}, {sizes.human(table.span.size)}"
    if node.default is None:
        yield "enable_ddw(), commit", "ibm,dma-window becomes ibm,dma-window-saved: gone until a reset"
    yield "enable_ddw()", f"outcome: {answer.outcome}"


def _mask_answer(question: Question, answer: Answer) -> str:
    """What the driver is told, and where its memory goes."""
    if answer.mask is None or not answer.mask.accepted:
        return "the mask is refused: no window within its reach"
    device = answer.kernel.devices[0]
    window = device.window
    if answer.mask.bypass:
        return "accepted; bypass: all memory is reached directly, bus address = window + memory address"
    if window is not None and window.direct_size:
        limit = window.base + window.direct_size
        return f"accepted; direct below bus_dma_limit {limit:#x}, through a table beyond"
    return "accepted; every mapping takes TCEs of a table"


def _map(profile: Profile, answer: Answer) -> Iterator[str]:
    """What lies at which bus address."""
    view = answer.kernel.view(0)
    assert view is not None
    existing = {window.liobn for window in answer.run.hypervisor.windows(answer.run.pes[0])}
    rows: list[tuple[Span[BusAddress], str]] = []
    default = profile.first_liobn
    rows.append((profile.default, "default window, 4K pages" if default in existing else "default window: removed"))
    if profile.mmio32 is not None:
        rows.append((profile.mmio32, "MMIO32: no handle lies here"))
    window = view.window
    if window is not None and window.liobn in existing:
        page = answer.kernel.devices[0].node.window
        pages = f"{sizes.page(page.page_shift)} pages" if page else ""
        rows += [(window.direct, f"direct region, {pages}"), (window.dynamic, f"dynamic region, {pages}")]
    yield "bus addresses"
    for span, text in sorted(rows):
        if span.size:
            yield f"  {span.start:#018x} .. {span.stop - 1:#018x}  {sizes.human(span.size):>9}  {text}"


def _pages(mask: int) -> str:
    known = " ".join(sizes.page(shift) for bit, shift in enumerate(PAGE_SHIFT_OF_BIT) if mask >> bit & 1)
    return f"{mask:#x} ({known or 'none known'})"
