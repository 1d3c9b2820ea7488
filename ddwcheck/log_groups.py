# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases that are left have in common: the decision, its window, the hotplug maximum they imply."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ddwcheck import sizes
from ddwcheck.log_judge import Possible
from model.guest.enable import Outcome

MEANING = {
    Outcome.DIRECT: "direct: all RAM is pre-mapped 1:1",
    Outcome.DYNAMIC: "dynamic: TCEs are set when a driver maps",
    Outcome.SPLIT: "split: RAM is pre-mapped 1:1 in the first part, the rest is dynamic",
}


class Group(NamedTuple):
    """Cases with one decision. rams: log2 of the hotplug maxima; windows: page and window shifts that are asked for;
    blocks: the largest blocks of TCEs.
    """

    decision: str
    vpmem: bool
    rams: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    blocks: tuple[int, ...]

    @property
    def hotplug(self) -> str:
        """The hotplug maxima as ranges: (64 GiB, 128 GiB]."""
        return ", ".join(f"({sizes.human(1 << low - 1)}, {sizes.human(1 << high)}]" for low, high in _runs(self.rams))

    @property
    def window(self) -> str:
        """Page and window in words, empty if none is asked for."""
        if not self.windows:
            return ""
        pages = " or ".join(dict.fromkeys(sizes.page(page) for page, _ in self.windows))
        shifts = sorted({window for _, window in self.windows})
        span = sizes.power(shifts[0]) if len(shifts) == 1 else f"2^{shifts[0]} to 2^{shifts[-1]}, as large as RAM needs"
        return f"{pages} pages, window {span}"


def decision(possible: Possible) -> str:
    """What was decided, in words."""
    result = possible.result
    if result.outcome is None:
        return "gives up the default window and asks again; that answer is not in the log"
    if result.outcome is Outcome.DIRECT and possible.case.vpmem:
        return "direct with limit: RAM is pre-mapped 1:1, vPMEM goes through the default window"
    return MEANING.get(result.outcome, f"refused: {result.outcome}")


def groups(possible: Iterable[Possible]) -> list[Group]:
    """The cases by decision and vPMEM; without vPMEM first."""
    found: dict[tuple[bool, str], list[Possible]] = {}
    for p in possible:
        found.setdefault((p.case.vpmem, decision(p)), []).append(p)
    return [_group(vpmem, text, cases) for (vpmem, text), cases in sorted(found.items(), key=lambda item: item[0][0])]


def _group(vpmem: bool, text: str, cases: list[Possible]) -> Group:
    rams = sorted({p.case.hotplug_max.bit_length() - 1 for p in cases})
    windows = sorted({p.result.asked for p in cases if p.result.asked is not None})
    blocks = sorted({p.case.platform.queries[-1].block for p in cases})
    return Group(text, vpmem, tuple(rams), tuple(windows), tuple(blocks))


def _runs(numbers: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers as first and last."""
    start = 0
    for k in range(1, len(numbers) + 1):
        if k == len(numbers) or numbers[k] != numbers[k - 1] + 1:
            yield numbers[start], numbers[k - 1]
            start = k
