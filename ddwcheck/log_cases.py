# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way things could have been, as far as the log leaves it open: sizes of RAM, masks, blocks, vPMEM."""

from collections.abc import Iterator
from itertools import product

from ddwcheck.log_devices import Attempt
from ddwcheck.log_lines import (
    IN_USE,
    NO_WINDOW,
    NOT_LIMITED,
    PREMAP_FAILED,
    CannotMap,
    Create,
    Query,
    Remove,
    Reset,
    Summary,
)
from ddwcheck.log_script import Case, Made, Offer, Platform
from model.guest.sizing import PAGE_SHIFT_OF_BIT

RAM_SHIFTS = range(24, 52)
"""log2 of the hotplug maximum, rounded up: 16 MiB to 2^51, which is MAX_PHYSMEM_BITS."""

ALL_BITS = 64
LIMITED_BITS = range(33, 64)
SOME_LIOBN, ABOVE_ALL_RAM, ABOVE_4G = 0x80000001, 1 << 59, 1 << 32
"""What create answers where the log ends before it."""


def sizes_known(attempt: Attempt) -> bool:
    """Whether anything in the log tells a page size, so that there is a decision to replay."""
    query = attempt.one(Query)
    answered = query is not None and (query.block is not None or query.status != 0)
    return answered or attempt.one(CannotMap) is not None or attempt.one(Create) is not None


def cases(attempt: Attempt) -> Iterator[Case]:
    """All of them, the simplest first."""
    vpmem = (True,) if attempt.vpmem else (False, True)
    masks = LIMITED_BITS if attempt.limited else (ALL_BITS,)
    for platform, has_vpmem, bits, ram in product(tuple(_platforms(attempt)), vpmem, masks, RAM_SHIFTS):
        yield Case(1 << ram, has_vpmem, (1 << bits) - 1, platform)


def _platforms(attempt: Attempt) -> Iterator[Platform]:
    create = attempt.one(Create)
    if create is None:
        made = Made(0, SOME_LIOBN, ABOVE_4G if attempt.limited else ABOVE_ALL_RAM)
    else:
        made = Made(create.status, create.liobn, create.base, (create.page_shift, create.window_shift))
    gave_up = (False, True) if attempt.gave_up_default is None else (attempt.gave_up_default,)
    resets = tuple(reset.status for reset in attempt.all(Reset))
    removes = tuple(remove.status for remove in attempt.all(Remove))
    for (block, pages), first_gone in product(tuple(_offers(attempt)), gave_up):
        yield Platform(
            tuple(_answers(attempt, block, pages, first_gone)), made, resets, removes,
            limited=not attempt.notes(NOT_LIMITED), in_use=attempt.notes(IN_USE),
            premap_fails=attempt.notes(PREMAP_FAILED), calls=max(1, len(attempt.all(Summary))),
        )  # fmt: skip


def _offers(attempt: Attempt) -> Iterator[tuple[int, int]]:
    """Block and page mask: query's; or those of "can't map"; or any block with the page size that create shows."""
    query, unfit, create = attempt.one(Query), attempt.one(CannotMap), attempt.one(Create)
    if query is not None and query.block is not None and query.pages is not None:
        yield query.block, query.pages
    elif unfit is not None:
        yield unfit.block, _mask_of(unfit.page.bit_length() - 1)
    elif create is not None:
        least, most = create.window_shift - create.page_shift, 63 - create.page_shift
        # With as many masks to try, three blocks stand for all: the window's, one beyond it, the largest.
        shifts = sorted({least, least + 1, most}) if attempt.limited else range(most + 1)
        for shift in shifts:
            if 0 <= shift <= most:
                yield 1 << shift, _mask_of(create.page_shift)
    else:
        yield 0, 0


def _mask_of(page_shift: int) -> int:
    return 1 << PAGE_SHIFT_OF_BIT.index(page_shift) if page_shift in PAGE_SHIFT_OF_BIT else 0


def _answers(attempt: Attempt, block: int, pages: int, gave_up: bool) -> Iterator[Offer]:
    """Query's answers in this try: one, or a second one after the default window was given up."""
    queries = attempt.all(Query)
    last = queries[-1] if queries else None
    status = last.status if last else 0
    windows = 1 if last is None or last.windows is None else last.windows
    if not gave_up:
        yield Offer(status, block, pages, windows)
        return
    yield Offer(0, block, pages, 0)
    asked_again = len(queries) != 1 or attempt.one(Create) is not None
    if asked_again or attempt.notes(NO_WINDOW):
        yield Offer(status, block, pages, windows)
