# SPDX-License-Identifier: GPL-2.0-or-later
"""Pre-mapping has loops of its own: without multi-TCE it ignores errors, and without a page for the list it fails."""

from typing import TYPE_CHECKING

from model.calls import HcallStatus, PutTceIndirect, TceRun
from model.defects import RELEASES, Defect
from model.guest import enable, tces
from model.guest.windows import DmaWindow
from model.types import READ, WRITE, BusAddress, Tce
from model.words import Word, word

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def by_lists(kernel: "Kernel", window: DmaWindow, start: Word, stop: Word) -> bool:
    """Linux: tce_setrange_multi_pSeriesLP(); even one TCE, or none, goes by list."""
    shift = window.page_shift
    pages = kernel.pages_to_set(start, stop, word(shift))
    number, memory = int(pages.number), int(pages.first) << shift
    ioba, first = BusAddress(window.base + memory), Tce(memory | READ | WRITE)
    if not kernel.has_lists:
        status, _ = kernel.put_each(window.liobn, ioba, shift, first, int(stop - start) >> shift)
        return status is not HcallStatus.NOT_ENOUGH_RESOURCES
    if not kernel.has_tce_page(0):
        return False
    if number == 0:
        return kernel.port.hcall(PutTceIndirect(window.liobn, ioba, ())).status is HcallStatus.SUCCESS
    page = 1 << shift
    run = TceRun(PutTceIndirect, window.liobn, ioba, first, page, page, number, tces.PER_CALL)
    return kernel.port.hcall(run).status is HcallStatus.SUCCESS


DEFECT = Defect(
    id="range-set-in-its-own-way",
    breaks="ram-covered",
    replaces=enable.set_range,
    by=by_lists,
    releases=RELEASES,
    root_cause="Without FW_FEATURE_PUT_TCE_IND it calls tce_build_pSeriesLP(), which returns H_NOT_ENOUGH_RESOURCES and "
    "no other error; RAM that firmware refused is routed directly all the same.",
)
