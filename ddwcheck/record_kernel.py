# SPDX-License-Identifier: GPL-2.0-or-later
"""What a trace of QEMU leaves open and the kernel's own lines in the same file say: blocks, and whether RAM is mapped."""

from dataclasses import dataclass, field

from ddwcheck.log_devices import Devices
from ddwcheck.log_lines import CannotMap, Create, Query, Summary


@dataclass(frozen=True, slots=True)
class Said:
    """blocks: the largest block, in TCEs, that query told the kernel of a PE (PHB unit id, config_addr).

    direct: whether the window of a LIOBN maps RAM 1:1; a LIOBN that was used for both kinds is left out.
    """

    blocks: dict[tuple[int, int], int] = field(default_factory=dict)
    direct: dict[int, bool] = field(default_factory=dict)


def said(found: Devices) -> Said:
    """What the kernel's lines say of windows. Linux: query_ddw(), enable_ddw()."""
    blocks: dict[tuple[int, int], int] = {}
    decided: dict[int, set[bool]] = {}
    for attempt in (attempt for device in found.devices for attempt in device.attempts):
        for query in attempt.all(Query):
            if query.status == 0 and query.block is not None:
                pe = query.buid, query.config_addr
                blocks[pe] = max(query.block, blocks.get(pe, 0))
        create, summary = attempt.one(Create), attempt.one(Summary)
        if create is None or create.status != 0:
            continue
        if attempt.one(CannotMap) is not None:
            decided.setdefault(create.liobn, set()).add(False)
        elif summary is not None:
            decided.setdefault(create.liobn, set()).add(summary.direct)
    return Said(blocks, {liobn: all(kinds) for liobn, kinds in decided.items() if len(kinds) == 1})
