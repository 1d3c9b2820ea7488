# SPDX-License-Identifier: GPL-2.0-or-later
"""RAM is pre-mapped by lists of TCEs whether or not firmware takes them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from history import OPENS, Bug, trace
from model.calls import HcallStatus
from model.defects import Defect
from model.guest import enable
from model.guest.windows import DmaWindow
from model.profiles import POWERVM_DEDICATED, MultiTce, simple_lpar
from model.types import GIB, READ, WRITE, BusAddress, Tce
from model.words import Word, plain, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_lists(kernel: "Kernel", window: DmaWindow, start: Word, stop: Word) -> bool:
    """Linux before the fix: tce_setrange_multi_pSeriesLP() did not ask for hcall-multi-tce."""
    pages = kernel.pages_to_set(start, stop, word(window.page_shift))
    memory = plain(pages.first) << window.page_shift
    first, ioba = Tce(memory | READ | WRITE), BusAddress(window.base + memory)
    status, _ = kernel.put_lists(window.liobn, ioba, window.page_shift, first, plain(pages.number))
    return status is HcallStatus.SUCCESS


BUG = Bug(
    title="(DDW ignores multitce=off)",
    date="2019-12-16",
    release="5.6",
    defect=Defect(
        id="lists-without-firmware",
        breaks="calls-well-formed",
        replaces=enable.set_range,
        by=by_lists,
        commits="4e8b0cf46b25, fixed by 7559d3d295f3",
        root_cause="Booted with multitce=off, or on a platform without it, the kernel still set the TCEs of a direct window "
        "by H_PUT_TCE_INDIRECT; there was no other loop.",
    ),
    trace=trace(POWERVM_DEDICATED, replace(simple_lpar(GIB), multi_tce=MultiTce.NONE), OPENS),
)
