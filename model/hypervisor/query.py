# SPDX-License-Identifier: GPL-2.0-or-later
"""ibm,query-pe-dma-window. LoPAR 7.3.27.1, table 129."""

from typing import TYPE_CHECKING

from model.calls import RtasAnswer, RtasCall, RtasStatus
from model.profiles import WideBlock

if TYPE_CHECKING:
    from model.hypervisor.papr import Papr
    from model.hypervisor.windows import Endpoint

MAX_32 = 0xFFFFFFFF


def query_pe_dma_window(papr: "Papr", call: RtasCall) -> RtasAnswer:
    """How many windows a PE may still create, of how many TCEs at most, with which I/O pages."""
    # PARAMETERS
    endpoint = papr.endpoint_of(call.args)

    # CHECKS
    if endpoint is None or len(call.args) != 3 or call.nret not in papr.query_outputs():
        return papr.failed(RtasStatus.PARAMETER, call.nret)

    # EFFECT: none

    # RETURN
    windows = papr.windows_available(endpoint)
    block, pages = papr.profile.block, papr.profile.pages
    if call.nret == 6:
        return RtasAnswer(RtasStatus.SUCCESS, (windows, block >> 32, block & MAX_32, pages, 0))
    return RtasAnswer(RtasStatus.SUCCESS, (windows, papr.block_in_one_cell(block), pages, 0))


def block_in_one_cell(papr: "Papr", block: int) -> int:
    """A1: what the five-output form says of a block that needs more than 32 bits."""
    if papr.profile.choices.wide_block is WideBlock.SATURATE:
        return min(block, MAX_32)
    return block & MAX_32


def query_outputs(papr: "Papr") -> tuple[int, ...]:
    """The output counts query serves: 6 only where the profile offers them, by extension index 3. LoPAR table 129, 132."""
    return (5, 6) if papr.profile.query_outputs == 6 else (5,)


def windows_available(papr: "Papr", endpoint: "Endpoint") -> int:
    """How many windows a create could still add."""
    return max(0, papr.profile.windows - len(endpoint.windows))
