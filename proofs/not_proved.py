# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not proved of the invariants over unbounded sequences of events.

Obligations in `test_life_cycle_*` say of one event each that what holds before it holds after it. An invariant follows once
each event that could break it has one; as long as it does not, it is listed here. They take for granted that the hypervisor
clears what it is asked to clear, that TCEs are handled one by one (`test_tces` has lists of 512), and that nothing else runs
in the middle of an event; I/O pages are of some sizes only, as the files say. `model.invariants` tests what is left out.
"""

_DYNAMIC = "the decisions of map and unmap are proved one by one; their steps, on the guest with its tables, are tested"
NOT_PROVED = {
    "calls-well-formed": "counts and sizes are proved for all inputs; tokens and arity are constants of the code, tested",
    "no-dead-liobn": "that LIOBNs are never used twice is proved; which of them the guest still names is tested",
    "ram-covered": "each event of memory and of the window is proved to keep it; a map or an unmap is tested",
    "window-empty-at-removal": "detach is proved, and an attempt that fails with the direct part alone set",
    "route-agrees": "what goes direct is proved to begin and end so; that what was allocated is freed, of the decision",
    "no-write-outside": "that a block which goes online sets nothing outside is proved; what is cleared, of its range alone",
    "direct-maps-only-ram": "each event of memory and of the window is proved to keep it; a map or an unmap is tested",
    "enable-fails-clean": "that the default window comes back is proved of the hypervisor, that a failed window is empty "
    "of the guest; the order in which the steps of enable are undone is tested",
    "masks-do-no-harm": "that a further function changes no TCE is proved; which table a mask makes it use is tested",
    "detach-leaves-nothing": "that the window is empty when it goes is proved; that list entries and properties go is tested",
    "map-fails-clean": _DYNAMIC,
    "mapping-translates": _DYNAMIC,
    "mappings-disjoint": _DYNAMIC,
    "unmap-releases": _DYNAMIC,
    "bitmap-matches-tces": _DYNAMIC,
    "handle-in-mask": "each decision is proved for all inputs: window, direct route, search limit, reservations; that the "
    "allocator searches where they say is tested",
    "limit-matches-split": "what is routed directly lies in the direct part, and RAM there is reached; both are tested",
    "regions-disjoint": "the plan is proved for all inputs; that no event writes into the other part is tested",
    "regions-inside-window": "the plan is proved for all inputs; that no event changes a window's parts is tested",
    "kexec-keeps-running": "no theorem speaks of a kernel that follows another one; it is tested",
}
"""Reasons by id of the invariant."""
