# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory notifier's list keeps the window of a device that is gone."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import devices

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def keep_entry(kernel: "Kernel", device: int) -> None:
    """Detach, but leave the list as it was."""
    windows = list(kernel.windows)
    devices.detach(kernel, device)
    kernel.windows = windows


DEFECT = Defect(
    id="detach-keeps-list-entry",
    breaks="no-dead-liobn",
    replaces=devices.detach,
    by=keep_entry,
    root_cause="A missing list_del() in iommu_reconfig_notifier().",
)
