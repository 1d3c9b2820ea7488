# SPDX-License-Identifier: GPL-2.0-or-later
"""What real guests are run on: the reference hypervisor, within what can be carried out in a moment."""

from model.calls import Hcall, HcallAnswer, TceRun
from model.events import Event
from model.hypervisor.papr import Papr

NOT_RUN: tuple[type[Event], ...] = ()
"""Events that the harness does not carry out; at present it has them all."""
MOST_CALLS = 1 << 16
"""Hypercalls of one loop that have to be carried out one by one."""


class OutOfScope(Exception):
    """The scenario asks for more than the harness runs; nothing is said about it."""


def leave_out(event: Event) -> bool:
    """Whether an event is out of the harness's scope."""
    return isinstance(event, NOT_RUN)


class Bounded(Papr):
    """The reference hypervisor, but a long loop that has no even steps is out of scope."""

    def hcall(self, call: Hcall) -> HcallAnswer:
        """Carry out a hypercall or a loop."""
        if isinstance(call, TceRun) and len(call) > MOST_CALLS:
            window = self.window(call.liobn)
            if window is not None and not self.takes_whole(window, call):
                raise OutOfScope("a long loop with uneven steps")
        return super().hcall(call)
