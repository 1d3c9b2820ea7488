# SPDX-License-Identifier: GPL-2.0-or-later
"""A map succeeds although the hypervisor refused its TCEs, unless it refused for want of resources."""

from model.calls import HcallStatus
from model.defects import RELEASES, Defect
from model.guest import tces


def all_but_no_resources(status: HcallStatus) -> bool:
    """Linux: tce_buildmulti_pSeriesLP() reports H_NOT_ENOUGH_RESOURCES and only prints any other status."""
    return status is not HcallStatus.NOT_ENOUGH_RESOURCES


DEFECT = Defect(
    id="set-ignores-errors",
    breaks="map-fails-clean",
    replaces=tces.set_complete,
    by=all_but_no_resources,
    releases=RELEASES,
    root_cause="The list form ends at the first failing hypercall, but only H_NOT_ENOUGH_RESOURCES reaches the caller; "
    "the driver gets a handle whose TCEs are not all there.",
)
