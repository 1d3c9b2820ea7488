# SPDX-License-Identifier: GPL-2.0-or-later
"""ibm,reset-pe-dma-windows. LoPAR 7.3.27.4.1, table 133; its four-input form sets limited addressing (LoPAR 2.13)."""

from typing import TYPE_CHECKING

from model.calls import RtasAnswer, RtasCall, RtasStatus

if TYPE_CHECKING:
    from model.hypervisor.papr import Papr

RESET_INDEX, WIDE_QUERY_INDEX, LIMITED_INDEX = 1, 2, 3
"""Cells of `ibm,ddw-extensions` after the count, as Linux numbers them; LoPAR's index is one more (table 132)."""


def reset_pe_dma_windows(papr: "Papr", call: RtasCall) -> RtasAnswer:
    """The PE's windows as at boot; a fourth input of 1 asks that later windows fit a mask below 64 bits."""
    # PARAMETERS
    endpoint = papr.endpoint_of(call.args[:3])
    limited = len(call.args) == 4

    # CHECKS
    if endpoint is None or call.nret != 1 or len(call.args) not in (3, 4):
        return papr.failed(RtasStatus.PARAMETER, call.nret)
    if limited and (not papr.offers_limited_addressing() or call.args[3] not in (0, 1)):
        return papr.failed(RtasStatus.PARAMETER, call.nret)
    if papr.refuses_removal(any(window.table.valid() for window in endpoint.windows.values())):
        return papr.failed(RtasStatus.PARAMETER, call.nret)

    # EFFECT
    endpoint.restore()
    endpoint.limited = limited and call.args[3] == 1

    # RETURN
    return RtasAnswer(RtasStatus.SUCCESS)


def offers_limited_addressing(papr: "Papr") -> bool:
    """Whether extension index 4 is there and not 0."""
    cells = papr.profile.extensions
    return len(cells) > LIMITED_INDEX and cells[0] >= LIMITED_INDEX and cells[LIMITED_INDEX] != 0
