# SPDX-License-Identifier: GPL-2.0-or-later
"""ibm,remove-pe-dma-window. LoPAR 7.3.27.3, table 131."""

from typing import TYPE_CHECKING

from model.calls import RtasAnswer, RtasCall, RtasStatus
from model.profiles import DirtyRemoval
from model.types import Liobn

if TYPE_CHECKING:
    from model.hypervisor.papr import Papr
    from model.hypervisor.windows import Endpoint


def remove_pe_dma_window(papr: "Papr", call: RtasCall) -> RtasAnswer:
    """Delete a created window or the default one, and put the default back if R1-7.3.27.3-3 says so."""
    # PARAMETERS
    liobn = Liobn(call.args[0]) if len(call.args) == 1 else Liobn(-1)
    endpoint = papr.owner_of(liobn)

    # CHECKS
    if endpoint is None or call.nret != 1:
        return papr.failed(RtasStatus.PARAMETER, call.nret)
    if papr.refuses_removal(endpoint.windows[liobn].table.valid()):
        return papr.failed(RtasStatus.PARAMETER, call.nret)

    # EFFECT
    del endpoint.windows[liobn]
    if papr.default_comes_back(endpoint, liobn):
        endpoint.restore()

    # RETURN
    return RtasAnswer(RtasStatus.SUCCESS)


def refuses_removal(papr: "Papr", dirty: bool) -> bool:
    """A8: whether a table that still holds valid TCEs may go; it is the caller's duty that none does."""
    return dirty and papr.profile.choices.dirty_removal is DirtyRemoval.REFUSE


def default_comes_back(papr: "Papr", endpoint: "Endpoint", removed: Liobn) -> bool:
    """R1-7.3.27.3-3: exactly when the last window went and it was not the default itself."""
    return not endpoint.windows and removed != endpoint.default.liobn
