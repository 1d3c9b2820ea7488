# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces of findings that no baseline has, since a survey seldom draws what they need. Each is one step or two on the C."""

from dataclasses import replace
from typing import NamedTuple

from model.events import Fault, Map, SetMask, Step
from model.profiles import POWERVM_DEDICATED, POWERVM_SRIOV, MultiTce, simple_lpar
from model.trace import Trace
from model.types import GIB, Direction, DmaMask, PhysAddr, Span


class ByHand(NamedTuple):
    """A trace, and the name of the finding that it shows."""

    name: str
    trace: Trace


OPEN = SetMask(0, DmaMask((1 << 64) - 1))
PAGES_16G = 1 << 7
"""In query's mask."""
HUGE = replace(POWERVM_SRIOV, pages=PAGES_16G, block=1 << 20)
BEYOND_A_PAGE = Span(PhysAddr(16 * GIB + 0x10000), PhysAddr(16 * GIB + 0x20000))
CREATE_FAILS, RESET_FAILS, PUT_FAILS = Fault("create", 0, -1), Fault("reset", 0, -1), Fault("H_PUT_TCE", 0, -1)

BY_HAND = {
    "F8": ByHand(
        "regions-inside-window: create asks for more TCEs than query offered (SetMask)",
        Trace(HUGE, simple_lpar(8 * GIB), (Step(OPEN),)),
    ),
    "F12": ByHand(
        "mapping-translates: handle N does not reach memory at N (Map)",
        Trace(replace(HUGE, block=16), simple_lpar(1024 * GIB),
              (Step(OPEN), Step(Map(0, BEYOND_A_PAGE, Direction.TO_DEVICE)))),
    ),
    "F37": ByHand(
        "ram-covered: bus address N does not reach online RAM at N (SetMask)",
        Trace(POWERVM_DEDICATED, replace(simple_lpar(4 * GIB), multi_tce=MultiTce.NONE), (Step(OPEN, (PUT_FAILS,)),)),
    ),
    "F38": ByHand(
        "no-dead-liobn: the device keeps a table of a window that is gone (SetMask)",
        Trace(POWERVM_SRIOV, simple_lpar(4 * GIB), (Step(OPEN, (CREATE_FAILS, RESET_FAILS)),)),
    ),
}  # fmt: skip
"""By the entry of FINDINGS.md."""
