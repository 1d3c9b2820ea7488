# SPDX-License-Identifier: GPL-2.0-or-later
"""What real guests are run on: the reference hypervisor, within what can be carried out in a moment."""

from typing import get_args

from model.calls import Hcall, HcallAnswer, TceRun
from model.events import Event, Kdump, Kexec, Map, MapUser, Ownership
from model.hypervisor.papr import Papr

NOT_RUN = (Kdump, Kexec, MapUser, *get_args(Ownership))
"""Events that are not drawn for the compiled kernel. What VFIO calls of the C, conformance/test_ownership.py calls."""
MOST_CALLS = 1 << 16
"""Hypercalls of one loop that have to be carried out one by one."""


class OutOfScope(Exception):
    """The scenario asks for more than the harness runs; nothing is said about it."""


def leave_out(event: Event) -> bool:
    """Whether an event is out of the harness's scope: also a map of no bytes, of which iommu_range_alloc() warns its driver;
    that is no verdict on the kernel (F60 has one by hand).
    """
    return isinstance(event, NOT_RUN) or (isinstance(event, Map) and event.memory.size == 0)


class Bounded(Papr):
    """The reference hypervisor, but a long loop that has no even steps is out of scope."""

    def hcall(self, call: Hcall) -> HcallAnswer:
        """Carry out a hypercall or a loop."""
        if isinstance(call, TceRun) and len(call) > MOST_CALLS:
            window = self.window(call.liobn)
            if window is not None and not self.takes_whole(window, call):
                raise OutOfScope("a long loop with uneven steps")
        return super().hcall(call)
