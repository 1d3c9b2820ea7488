# SPDX-License-Identifier: GPL-2.0-or-later
"""What real guests are run on: the reference hypervisor, within what can be carried out in a moment."""

from typing import get_args

from model.calls import Hcall, HcallAnswer, HcallStatus, TceRun
from model.events import Event, Map, MapUser, Ownership, UnmapUser
from model.hypervisor.papr import Papr

OF_USER_SPACE = (MapUser, UnmapUser, *get_args(Ownership))
"""What VFIO does with a PE."""
FIRST_WITH_OWNERS = (6, 11)
"""The first release that knows VFIO on pseries: `spapr_tce_table_group_ops` can make windows."""
MOST_CALLS = 1 << 16
"""Hypercalls of one loop that have to be carried out one by one."""
MOST_REFUSED = 1 << 11
"""Those that are refused one after the other, by a loop that goes on all the same."""


class OutOfScope(Exception):
    """The scenario asks for more than the harness runs; nothing is said about it."""


def drives(version: tuple[int, int], event: Event) -> bool:
    """Whether an event can happen to a kernel of that version at all, and is no map of no bytes: iommu_range_alloc() warns
    the driver of these, which is no verdict on the kernel (F60 has one by hand).
    """
    if isinstance(event, Map) and event.memory.size == 0:
        return False
    return version >= FIRST_WITH_OWNERS or not isinstance(event, OF_USER_SPACE)


class Bounded(Papr):
    """The reference hypervisor, but a long loop that has no even steps, or is refused all the time, is out of scope."""

    _refused = 0

    def hcall(self, call: Hcall) -> HcallAnswer:
        """Carry out a hypercall or a loop."""
        if isinstance(call, TceRun) and len(call) > MOST_CALLS:
            window = self.window(call.liobn)
            if window is not None and not self.takes_whole(window, call):
                raise OutOfScope("a long loop with uneven steps")
        answer = super().hcall(call)
        self._refused = 0 if answer.status in (HcallStatus.SUCCESS, HcallStatus.PARTIAL) else self._refused + 1
        if self._refused > MOST_REFUSED:
            raise OutOfScope("a long loop of calls that are all refused")
        return answer
