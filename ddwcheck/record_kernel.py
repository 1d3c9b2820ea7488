# SPDX-License-Identifier: GPL-2.0-or-later
"""What a trace of QEMU leaves open and the kernel's own lines in the same file say."""

from dataclasses import dataclass, field

from ddwcheck.log_devices import Devices
from ddwcheck.log_lines import Query


@dataclass(frozen=True, slots=True)
class Said:
    """blocks: the largest block, in TCEs, that query told the kernel of a PE (PHB unit id, config_addr)."""

    blocks: dict[tuple[int, int], int] = field(default_factory=dict)


def said(found: Devices) -> Said:
    """What the kernel's lines say of windows. Linux: query_ddw()."""
    blocks: dict[tuple[int, int], int] = {}
    for attempt in (attempt for device in found.devices for attempt in device.attempts):
        for query in attempt.all(Query):
            if query.status == 0 and query.block is not None:
                pe = query.buid, query.config_addr
                blocks[pe] = max(query.block, blocks.get(pe, 0))
    return Said(blocks)
